/** What several tests of the kit call. */

/** Where its clock begins. */
export const START: number = Date.UTC(2025, 0, 1)

/** Fails `times` times, then answers how often it was called. */
export function flaky(times: number, code?: string): () => { calls: number } {
  let calls = 0
  return () => {
    if (++calls <= times) throw Object.assign(new Error(`call ${calls}`), code ? { code } : {})
    return { calls }
  }
}
