/** What a package's controller needs of the executor that composes it. */

import type { Accepted } from '../generation/accepted.ts'
import type { Generation, GenerationUpcalls } from '../generation/generation.ts'
import type { StagedDrop } from '../source/source.ts'
import type { PackageLine } from './dispatcher.ts'
import type { Loaded } from './generation-factory.ts'
import type { Swapper } from './swap.ts'

export interface ControllerDeps {
  readonly line: PackageLine
  readonly swapper: Swapper
  readonly generationUpcalls: GenerationUpcalls
  readonly loadVersion: (
    drop: StagedDrop,
    upcalls: GenerationUpcalls,
    born: (generation: Generation) => void,
    /** What a version of the package defined last; null: there was none. */
    accepted: Accepted | null,
  ) => Promise<Loaded>
  readonly after: (ms: number, fn: () => void) => void
  readonly now: () => number
  readonly background: (work: Promise<unknown>) => void
  readonly changed: () => void
  readonly warn: (fields: object, message: string) => void
  /** false until all that lies in the folder at the start is known: nothing is loaded before. */
  readonly ready: () => boolean
}
