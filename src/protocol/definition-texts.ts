/**
 * A package's definition as a worker thread reports it, and when two are the same. Both sides decide
 * by this, each for itself, whether the thread begins its setup unasked.
 *
 * No import: the worker thread reads this file under its permissions.
 */

export interface DefinitionTexts {
  /** JSON of the definition. */
  readonly descriptor: string
  /** JSON of its schemas (domain/declared.ts); null: not asked for. */
  readonly schemas: string | null
}

/** Equal to the letter. */
export function isSameDefinition(one: DefinitionTexts, other: DefinitionTexts): boolean {
  return one.descriptor === other.descriptor && one.schemas === other.schemas
}
