/** Node's own type stripping as a function: positions of what remains are kept. */

import { stripTypeScriptTypes } from 'node:module'

/**
 * JavaScript of a TypeScript module, line and column for line and column. Throws Node's
 * ERR_INVALID_TYPESCRIPT_SYNTAX or ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX (enums, parameter properties).
 */
export function stripTypes(code: string): string {
  // Node warns of the function alone, once a thread, although it runs TypeScript without a word.
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(code)
  } finally {
    process.emitWarning = emitWarning
  }
}
