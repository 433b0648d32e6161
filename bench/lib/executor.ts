/** Waiting for an executor: bounded, and with words when it takes too long. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Executor } from '../../src/executor/api.ts'

const PATIENCE_MS = 30_000
const LOOK_MS = 5

/** Looks every 5 ms: for what has no event. Throws when it has not come true in 30 s. */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`)
    await sleep(LOOK_MS)
  }
}

/** Waits for `promise`, at most 30 s. Costs one timer: it stands in what is measured. */
export function within<T>(what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`waited ${PATIENCE_MS} ms for ${what}`))
    const timer = setTimeout(late, PATIENCE_MS)
    void promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Resolves when the version has the traffic; throws at once when its drop is refused for good. */
export async function untilActive(
  executor: Executor,
  name: string,
  version: string,
): Promise<void> {
  await until(`${name}@${version} to be active`, () => {
    const row = executor.package('public', name)
    const refusals = [...(row?.refusals ?? []), ...executor.status().refusals]
    const rejected = refusals.find(({ kind }) => kind === 'rejected')
    if (rejected !== undefined) throw new Error(`${rejected.entry}: ${rejected.error.message}`)
    return row?.activeVersion === version
  })
}

/** Resolves when a spare thread waits for the next version; the executor must want one. */
export function untilSpare(executor: Executor): Promise<void> {
  return until('the spare thread', () => hasSpare(executor))
}

/** Looks for `ms` as untilSpare() does: what the looks take is then the same in both. */
export async function lookFor(executor: Executor, ms: number): Promise<void> {
  const end = performance.now() + ms
  await until('the window to end', () => {
    hasSpare(executor)
    return performance.now() >= end
  })
}

function hasSpare(executor: Executor): boolean {
  // Between the taking of a spare and its refill the state is `off`.
  return executor.status().spare === 'ready'
}
