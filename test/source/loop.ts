/** The loop of the source thread on this thread: time moves by hand, files and folders are real. */

import { SourceLoop } from '../../src/source/source-loop.ts'
import type { FromThread } from '../../src/source/messages.ts'
import type { RefusedDrop, StagedDrop, WatchStatus } from '../../src/source/source.ts'
import { versionKey } from '../../src/source/versions.ts'
import { watchRoot } from '../../src/source/watch.ts'
import type { WatchHandlers, Watching } from '../../src/source/watch.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import type { Place } from './drops.ts'

export const RECONCILE_MS = 2000
export const REMOVE_AFTER_MS = 5000

/** A watcher that tells nothing by itself; `told` are the handlers of the last one. */
export class SilentWatch {
  started = 0
  closed = 0
  told: WatchHandlers | undefined

  readonly watch = (_root: string, handlers: WatchHandlers): Watching => {
    this.started++
    this.told = handlers
    return { folders: 1, close: async () => void this.closed++ }
  }
}

export interface LoopBench {
  readonly clock: ManualClock
  /** Every event as one line, in order. */
  readonly lines: string[]
  readonly refused: RefusedDrop[]
  readonly staged: StagedDrop[]
  /** Entries that are refused now. */
  standing(): readonly string[]
  /** The last one. */
  status(): WatchStatus | undefined
  /** Lets one reconcile interval pass; returns the lines it added. */
  reconcile(): string[]
}

export function openLoop(
  t: { teardown(fn: () => void): void },
  place: Place,
  watch: (root: string, handlers: WatchHandlers) => Watching = watchRoot,
): LoopBench {
  const clock = new ManualClock()
  const began = clock.now()
  const lines: string[] = []
  const refused: RefusedDrop[] = []
  const staged: StagedDrop[] = []
  const standing = new Set<string>()
  let status: WatchStatus | undefined
  const post = (message: FromThread): void => {
    switch (message.type) {
      case 'staged':
      case 'removed': {
        const { entry, package: name, version } = message.event
        lines.push(`${message.type} ${entry} ${name}@${version}`)
        if (message.type === 'staged') staged.push(message.event)
        return
      }
      case 'refused':
        refused.push(message.event)
        standing.add(message.event.entry)
        lines.push(`${message.event.kind} ${message.event.entry} ${message.event.error.code}`)
        return
      case 'cleared':
        lines.push(`cleared ${message.event.entry}`)
        standing.delete(message.event.entry)
        return
      case 'watch':
        status = message.event
        return
      case 'withdraw': {
        // As the main thread answers while nothing is loaded.
        const { digest } = message.event
        loop.receive({ type: 'withdrawn', key: versionKey(message.event), digest })
        return
      }
      case 'filled':
      case 'recorded':
      case 'started':
      case 'answer':
      case 'published':
      case 'loaded':
      case 'registered':
    }
  }
  const loop = new SourceLoop(
    {
      packagesDir: place.packagesDir,
      artifactsDir: place.artifactsDir,
      reconcileMs: RECONCILE_MS,
      quietMs: 250,
      settleMs: 5000,
      removeAfterMs: REMOVE_AFTER_MS,
      watch: 'events',
      known: new Map(),
      present: [],
      headgateVersion: '0.1.0',
      trust: { policy: 'off', keys: new Map() },
    },
    {
      clock,
      fileNow: () => Date.now() + clock.now() - began,
      post,
      nextMessage: () => undefined,
      watch,
      ended: () => {},
    },
  )
  loop.start()
  t.teardown(() => loop.receive({ type: 'close' }))
  return {
    clock,
    lines,
    refused,
    staged,
    standing: () => [...standing],
    status: () => status,
    reconcile() {
      const from = lines.length
      clock.advance(RECONCILE_MS)
      return lines.slice(from)
    },
  }
}
