/**
 * Every error a user of headgate can meet: code, HTTP status, whether the same call may succeed
 * later, and the sentence shown.
 *
 * A sentence names what was wrong, which value, and what to do; `{name}` is filled from the error's
 * details. A code that is retired is never used again.
 */

import { ARCHIVE_ERRORS } from './archive-errors.ts'

interface ErrorEntry {
  /** HTTP status of an answer that carries this error. */
  readonly status: number
  /** true: the same call may succeed later without a change. */
  readonly retryable: boolean
  readonly message: string
}

export const ERRORS = {
  // Calls
  NO_ACTIVE_VERSION: {
    status: 503,
    retryable: true,
    message: 'no version of {package} is active for tenant {tenant}: {why}',
  },
  NO_MATCHING_VERSION: {
    status: 404,
    retryable: false,
    message: 'no version of {package} matches {wanted}; present: {present}',
  },
  UNKNOWN_PACKAGE: {
    status: 404,
    retryable: false,
    message: 'tenant {tenant} has no package {package}{nearest}',
  },
  UNKNOWN_WORKFLOW: {
    status: 404,
    retryable: false,
    message: '{package}@{version} has no workflow {workflow}{nearest}',
  },
  UNKNOWN_TASK: {
    status: 404,
    retryable: false,
    message: 'workflow {workflow} of {package}@{version} has no task {task}{nearest}',
  },
  NAMESPACE_INVALID: {
    status: 400,
    retryable: false,
    message:
      '{value} is not a namespace: write tenant::package::workflow or tenant::package::workflow::task; {why}',
  },
  NAME_INVALID: {
    status: 400,
    retryable: false,
    message:
      '{value} is not a valid {kind} name: use a-z, 0-9, ".", "_" and "-", beginning with a letter or digit, at most 64 characters',
  },
  INPUT_INVALID: { status: 422, retryable: false, message: 'the input was refused: {why}' },
  INPUT_NOT_JSON: {
    status: 400,
    retryable: false,
    message: 'the input is not JSON: {why}',
  },
  TASK_FAILED: { status: 500, retryable: false, message: 'task {task} failed: {why}' },
  TASK_TIMEOUT: {
    status: 504,
    retryable: true,
    message: 'task {task} did not end within {timeoutMs} ms of its start',
  },
  CALL_TIMEOUT: { status: 504, retryable: true, message: 'no answer within {timeoutMs} ms' },
  TASK_ABORTED: { status: 499, retryable: true, message: 'the call was cancelled: {why}' },
  WORKER_LOST: {
    status: 502,
    retryable: true,
    message: 'the worker thread ended while task {task} ran on it: {why}',
  },
  GENERATION_TERMINATED: {
    status: 503,
    retryable: true,
    message: 'task {task} was ended with {generation}: {why}',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    retryable: false,
    message: 'the payload of {bytes} bytes is over the limit of {limit} bytes',
  },
  RESULT_TOO_LARGE: {
    status: 500,
    retryable: false,
    message: 'task {task} returned {bytes} bytes, over the limit of {limit} bytes',
  },
  NOT_SERIALISABLE: {
    status: 500,
    retryable: false,
    message: 'task {task} returned a value that is not JSON: {why}',
  },
  QUEUE_FULL: {
    status: 429,
    retryable: true,
    message: '{package} of tenant {tenant} has {limit} requests waiting; try again later',
  },
  NESTING_TOO_DEEP: {
    status: 508,
    retryable: false,
    message:
      '{namespace} was not called: calls by ctx.invoke go at most {limit} deep; does it call itself?',
  },
  EXECUTOR_CLOSING: {
    status: 503,
    retryable: true,
    message: 'the executor is shutting down and takes no new work',
  },

  // Versions: why one is not loaded
  PACKAGE_JSON_MISSING: {
    status: 422,
    retryable: false,
    message: '{entry} has no package.json at its top',
  },
  PACKAGE_JSON_INVALID: {
    status: 422,
    retryable: false,
    message: 'package.json of {entry} was refused: {why}',
  },
  VERSION_INVALID: {
    status: 422,
    retryable: false,
    message:
      '{version} is not an exact semantic version without build metadata (write for instance 1.2.3)',
  },
  VERSION_CONFLICT: {
    status: 409,
    retryable: false,
    message:
      '{package}@{version} is already known with other bytes ({known}, now {digest}): a version is immutable, raise the number',
  },
  ENTRY_MISSING: {
    status: 422,
    retryable: false,
    message: '{entry} has no file {files}: name the entry in package.json ("headgate": {"entry"})',
  },
  MANIFEST_INVALID: {
    status: 422,
    retryable: false,
    message: 'headgate.manifest.json of {entry} was refused: {why}',
  },
  MANIFEST_MISMATCH: {
    status: 422,
    retryable: false,
    message: '{entry} is not what its headgate.manifest.json says: {why}',
  },
  SIGNATURE_MISSING: {
    status: 422,
    retryable: false,
    message: '{package}@{version} is not signed: {why}',
  },
  SIGNATURE_UNTRUSTED: {
    status: 422,
    retryable: false,
    message:
      '{package}@{version} is signed by {keys}, which tenant {tenant} does not trust: have it signed by a trusted key, or add the key to "signatures" in the operator configuration',
  },
  SIGNATURE_INVALID: {
    status: 422,
    retryable: false,
    message:
      'the signature of {package}@{version} by {key} does not fit it: the package was changed after it was signed, or the signature is of another one',
  },
  FILE_REFUSED: { status: 422, retryable: false, message: '{file} in {entry} was refused: {why}' },
  PACKAGE_TOO_LARGE: {
    status: 422,
    retryable: false,
    message: '{entry} is over the limit: {why}',
  },
  ...ARCHIVE_ERRORS,
  DROP_INCOMPLETE: { status: 409, retryable: true, message: '{entry} is not complete: {why}' },
  STAGING_DEFERRED: {
    status: 503,
    retryable: true,
    message: '{entry} could not be copied yet and is tried again: {why}',
  },
  DROP_UNSUPPORTED: { status: 422, retryable: false, message: '{entry} is not a drop: {why}' },
  LOAD_FAILED: {
    status: 422,
    retryable: false,
    message: '{package}@{version} failed to load: {why}',
  },
  LOAD_INTERRUPTED: {
    status: 503,
    retryable: true,
    message: '{package}@{version} was not loaded, through no fault of its own: {why}',
  },
  LOAD_TIMEOUT: {
    status: 422,
    retryable: true,
    message: '{package}@{version} was not ready within {timeoutMs} ms (phase {phase})',
  },
  UNSUPPORTED_TYPESCRIPT: {
    status: 422,
    retryable: false,
    message:
      '{package}@{version} uses TypeScript that Node cannot strip: {why}; compile it to JavaScript first',
  },
  DEFINITION_INVALID: {
    status: 422,
    retryable: false,
    message: 'the definition of {package}@{version} was refused: {why}',
  },
  DEFINITION_MISMATCH: {
    status: 422,
    retryable: false,
    message: '{package}@{version} exports another definition than its manifest says: {why}',
  },
  GRAPH_INVALID: {
    status: 422,
    retryable: false,
    message: 'workflow {workflow} was refused: {why}',
  },
  NOT_YET: {
    status: 422,
    retryable: false,
    message: '{what} is not available in this release of headgate: {why}',
  },
  CONTRACT_UNSUPPORTED: {
    status: 422,
    retryable: false,
    message:
      '{package}@{version} was written for contract {found}; this executor speaks {supported}',
  },
  CONFIG_MISSING: {
    status: 422,
    retryable: true,
    message:
      '{package} needs {what} for tenant {tenant}: set it in the operator configuration, which is read at the start',
  },
  SETUP_FAILED: {
    status: 422,
    retryable: true,
    message: 'setup of {package}@{version} failed: {why}',
  },
  PROBE_FAILED: {
    status: 422,
    retryable: true,
    message: 'the probe of {package}@{version} failed: {why}',
  },
  PERMISSION_NOT_GRANTED: {
    status: 422,
    retryable: false,
    message:
      '{package}@{version} asks for the permission {permission}, which the operator configuration does not grant',
  },
  LIMIT_TOO_LOW: {
    status: 422,
    retryable: false,
    message: 'resourceLimits.{limit} of {value} MB is below the floor of {floor} MB',
  },
  GENERATION_LIMIT: {
    status: 503,
    retryable: true,
    message: '{package} has {limit} generations in use; {version} waits until one has drained',
  },
  CRASH_LOOP: {
    status: 503,
    retryable: true,
    message: '{package}@{version} lost {exits} worker threads in {windowMs} ms and was quarantined',
  },

  // Packing
  TYPECHECK_FAILED: {
    status: 422,
    retryable: false,
    message: '{package} does not type-check: {why}',
  },
  BUNDLE_FAILED: {
    status: 422,
    retryable: false,
    message: '{package} could not be bundled: {why}',
  },
  DEPENDENCY_REFUSED: {
    status: 422,
    retryable: false,
    message: '{package} cannot be packed with {dependency}: {why}',
  },
  FILE_EXISTS: {
    status: 409,
    retryable: false,
    message: '{path} is there already and is never overwritten: choose another name with --out',
  },
  PATH_NOT_FOUND: { status: 404, retryable: false, message: 'there is nothing at {path}' },

  // The executor and its doors
  PORT_IN_USE: {
    status: 500,
    retryable: true,
    message: 'port {port} on {host} is in use: choose another with --port',
  },
  HOST_REFUSED: {
    status: 500,
    retryable: false,
    message:
      'host {host} is not a loopback address: headgate does not tell callers apart, so it listens on loopback only',
  },
  DATA_DIR_IN_USE: {
    status: 500,
    retryable: true,
    message: 'data dir {dir} is in use by the executor with pid {pid}',
  },
  DATA_DIR_INVALID: {
    status: 500,
    retryable: false,
    message: 'data dir {dir} cannot be used: {why}',
  },
  CWD_EXPOSED: {
    status: 500,
    retryable: false,
    message:
      'the working directory {cwd} is not empty and Node grants workers read access to it: change to an empty folder first or set permissions: "off"',
  },
  OPTION_INVALID: { status: 400, retryable: false, message: 'option {option} was refused: {why}' },
  TARGET_NOT_EMPTY: {
    status: 409,
    retryable: false,
    message: '{dir} is not an empty folder: {found}; choose another with --dir',
  },
  NODE_UNSUPPORTED: {
    status: 500,
    retryable: false,
    message: 'Node {found} is too old: headgate needs {needed}',
  },
  UNREACHABLE: {
    status: 503,
    retryable: true,
    message: 'no executor answers at {url}: {why}; {remedy}',
  },
  HTTP_BODY_INVALID: {
    status: 400,
    retryable: false,
    message: 'the request body was refused: {why}',
  },
  HTTP_CONTENT_TYPE: {
    status: 415,
    retryable: false,
    message: 'content type {found} is not supported: send {wanted}',
  },
  HTTP_NOT_FOUND: { status: 404, retryable: false, message: 'there is nothing at {path}' },
  HTTP_METHOD: {
    status: 405,
    retryable: false,
    message: '{method} is not possible at {path}; use {allowed}',
  },
  HTTP_MALFORMED: { status: 400, retryable: false, message: 'the request is not HTTP/1.1: {why}' },
  HTTP_HEADERS_TOO_LARGE: {
    status: 431,
    retryable: false,
    message: 'the request headers are over the limit of {limit} bytes',
  },
  HTTP_TIMEOUT: {
    status: 408,
    retryable: true,
    message: 'the request was not received whole in time',
  },
  TOKEN_REFUSED: {
    status: 401,
    retryable: false,
    message: 'this changes what is served and needs the token of the executor: {why}',
  },
  ORIGIN_REFUSED: { status: 403, retryable: false, message: 'origin {origin} is not allowed' },
  HOST_HEADER_REFUSED: {
    status: 403,
    retryable: false,
    message: 'host header {host} is not allowed',
  },
  WS_PROTOCOL: { status: 400, retryable: false, message: 'the WebSocket frame was refused: {why}' },
  STATUS_FULL: {
    status: 503,
    retryable: true,
    message: 'the executor serves {limit} status connections already; close one or try again later',
  },
  STORE_FAILED: { status: 500, retryable: true, message: 'the store failed: {why}' },
  STORE_SCHEMA_NEWER: {
    status: 500,
    retryable: false,
    message: 'the store in {dir} was written by a newer headgate (schema {found}, known {known})',
  },

  // Internal: a fault in headgate itself
  ILLEGAL_TRANSITION: {
    status: 500,
    retryable: false,
    message: 'generation {generation} cannot take {event} in state {state}',
  },
  LEDGER_RELEASED_TWICE: {
    status: 500,
    retryable: false,
    message: 'a binding of generation {generation} was released twice',
  },
  INTERNAL: { status: 500, retryable: false, message: 'internal error: {why}' },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS
