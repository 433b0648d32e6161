/** What main.ts runs and prints. */

import type { Table } from '../lib/table.ts'

export interface RunOptions {
  /** Keeps the scenario under 20 s: a check that it works, no basis for a claim. */
  readonly quick: boolean
  /** Overrides the scenario's own number of rounds. */
  readonly rounds: number | undefined
  readonly progress: (line: string) => void
}

export interface Goal {
  readonly figure: string
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Outcome {
  /** Flat keys, plain numbers. */
  readonly figures: Readonly<Record<string, number>>
  readonly tables: readonly Table[]
  readonly goals: readonly Goal[]
  /** What a reader of the figures has to know. */
  readonly notes: readonly string[]
}

export interface Scenario {
  readonly name: string
  readonly summary: string
  run(options: RunOptions): Promise<Outcome>
}
