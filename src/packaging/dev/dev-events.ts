/** What a development session tells: one event for each change of the source folder. */

import type { ErrorRecord } from '../../base/errors.ts'
import type { SourcePlace } from './fault-places.ts'

export interface DevEvents {
  serving: Served
  refused: NotServed
}

/** The folder as it is has the traffic. */
export interface Served {
  readonly tenant: string
  readonly package: string
  /** `2.1.0-dev.3` */
  readonly version: string
  /** null: it was served already. */
  readonly generation: number | null
  /** Relative paths, sorted; empty at the start. */
  readonly changed: readonly string[]
  /** What came before was refused. */
  readonly again: boolean
  /** Of the bundler: what may not be as the author expects. */
  readonly warnings: readonly string[]
  /** ms; `total` from the first event of the change to the swap. */
  readonly ms: {
    readonly total: number
    /** Until the burst of events was over. */
    readonly notice: number
    readonly bundle: number
    readonly stage: number
    /** Thread, import, setup and probe. */
    readonly load: number
    readonly swap: number
  }
}

/** The folder as it is cannot serve. */
export interface NotServed {
  /** Paths in the message are the author's. */
  readonly error: ErrorRecord
  /** In the author's files; empty where none is known. */
  readonly places: readonly SourcePlace[]
  readonly changed: readonly string[]
  /** The version that has the traffic; null: none had it yet. */
  readonly servesOn: string | null
}
