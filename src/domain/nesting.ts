/**
 * How deep a JSON value may be nested where somebody else wrote it.
 *
 * JSON.parse takes any depth; what walks the value by recursion afterwards (JSON.stringify, a
 * structured clone, a comparison) ends in a RangeError at some thousand levels, which would pass for
 * a fault of headgate instead of the value's own.
 */

/** Far beyond any definition or schema that a person or a library writes. */
export const DEEPEST_JSON = 256

/** True when `value` has more than `levels` lists and objects in one another. No recursion. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    level = level.filter((one) => typeof one === 'object' && one !== null)
    if (depth === levels && level.length > 0) return true
    level = level.flatMap((one) => Object.values(Object(one)))
  }
  return false
}
