/**
 * The part of the error table that archives and publishing have: one code for each thing an archive
 * may not be or hold.
 */

export const ARCHIVE_ERRORS = {
  ARCHIVE_NOT_GZIP: {
    status: 422,
    retryable: false,
    message: '{entry} is not gzip: drop what npm pack or headgate pack wrote',
  },
  ARCHIVE_CORRUPT: { status: 422, retryable: false, message: '{entry} is damaged: {why}' },
  ARCHIVE_TRUNCATED: { status: 422, retryable: false, message: '{entry} ends too early: {why}' },
  ARCHIVE_HEADER_INVALID: {
    status: 422,
    retryable: false,
    message: '{entry} has a tar header that is not valid: {why}',
  },
  ARCHIVE_TOP_FOLDER: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_PATH_UNSAFE: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_PATH_TOO_LONG: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_PATH_TOO_DEEP: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_LINK: { status: 422, retryable: false, message: '{file} in {entry} was refused: {why}' },
  ARCHIVE_SPECIAL_FILE: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_MODE: { status: 422, retryable: false, message: '{file} in {entry} was refused: {why}' },
  ARCHIVE_DUPLICATE: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_NAME_TWIN: {
    status: 422,
    retryable: false,
    message: '{file} in {entry} was refused: {why}',
  },
  ARCHIVE_TOO_MANY_FILES: {
    status: 422,
    retryable: false,
    message: '{entry} holds more than {limit} {what}',
  },
  ARCHIVE_TOO_LARGE: {
    status: 422,
    retryable: false,
    message: '{entry} holds more than {limit} bytes',
  },
  ARCHIVE_BOMB: {
    status: 422,
    retryable: false,
    message: '{entry} unpacks to more than {limit} times its size',
  },
  PUBLISH_MISMATCH: {
    status: 422,
    retryable: false,
    message: 'the archive is {found}, but it was published as {wanted}',
  },
  PUBLISH_FAILED: { status: 500, retryable: true, message: '{target} could not be written: {why}' },
  DIGEST_MISSING: {
    status: 400,
    retryable: false,
    message: 'the header content-digest (RFC 9530) is needed, as sha-256=:<base64>:',
  },
  DIGEST_MISMATCH: {
    status: 400,
    retryable: true,
    message: 'the archive has sha-256 {found}, but was announced with {wanted}',
  },
} as const
