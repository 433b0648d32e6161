/**
 * How much one version may hold, however it is dropped.
 */

/** Files, and folders. */
export const MOST_FILES = 10_000
/** Of all files together, unpacked. */
export const MOST_BYTES = 256 * 1_048_576
/** Names in one path. */
export const DEEPEST = 16
