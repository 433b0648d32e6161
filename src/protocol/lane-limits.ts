/**
 * How much a worker thread may say in one message; over it the message is of no known form.
 *
 * No import: the worker thread keeps to them itself, without a schema library.
 */

/** Characters of the JSON text of a package's definition. */
export const DEFINITION_CHARS = 1_048_576

/** Characters of a message or stack of a refusal. */
export const TEXT_CHARS = 4_096

/** Lines of one log message. */
export const LINES_A_LOG = 200

/** Characters of one line, and of its fields as JSON. */
export const LINE_CHARS = 4_096
