/** The values of an option that may be given several times, as a list. */
export function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
