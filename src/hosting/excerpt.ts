/** The beginning of a text that a package made. */

/** Characters that fit into every thread's heap. */
export const FITS = 1_048_576

/**
 * At most `most` characters. Of more than FITS only how many there are: V8 makes a text that was
 * joined of parts in one allocation before it gives any of it (see bounded-json.ts).
 */
export function excerpt(text: string, most: number): string {
  return text.length > FITS ? `(a text of ${text.length} characters)` : text.slice(0, most)
}
