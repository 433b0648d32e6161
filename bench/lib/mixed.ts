/** The mixed load: 95 % short and 5 % long tasks, in one seeded order for all competitors. */

import { seeded } from './random.ts'

export const SHORT_MS = 0.05
export const LONG_MS = 10
const LONG_SHARE = 0.05

export const MIXED_SEED = 20_260

/** `true` where the task is a long one. A load repeats it from the start when it is used up. */
export function mixedSequence(length: number, seed: number = MIXED_SEED): readonly boolean[] {
  const random = seeded(seed)
  return Array.from({ length }, () => random() < LONG_SHARE)
}
