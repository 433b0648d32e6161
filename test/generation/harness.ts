/** Generations with real threads, without source, store and routing around them. */

import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { HeadgateError } from '../../src/base/errors.ts'
import type { BringUpTimes } from '../../src/generation/bring-up.ts'
import {
  Generation,
  type GenerationOptions,
  type Transition,
} from '../../src/generation/generation.ts'
import type { Lane } from '../../src/generation/lane.ts'
import { NO_GRANTS } from '../../src/generation/permissions.ts'
import { openWarmThread } from '../../src/generation/spare-threads.ts'
import type { TaskRequest } from '../../src/generation/task-request.ts'
import { type ThreadCode, threadCode } from '../../src/generation/thread-code.ts'
import { ThreadHost } from '../../src/generation/thread-host.ts'
import type { TaskFault } from '../../src/protocol/lane-layout.ts'
import { type PackageText, packageFiles, writeFiles } from '../helpers/package-files.ts'
import { type Teardown, openWorkspace } from '../helpers/workspace.ts'

export interface HostWishes {
  readonly threads?: number
  readonly concurrency?: number
  readonly permissions?: 'on' | 'off'
  /** Default: a folder of the harness. */
  readonly slotsDir?: string | undefined
  readonly clock?: Clock
  readonly onAbandoned?: () => void
  /** What its threads run; default: headgate's own. */
  readonly code?: ThreadCode
}

export interface GenerationWishes extends HostWishes {
  readonly drainTimeoutMs?: number
  readonly keepWarmMs?: number
  readonly killGraceMs?: number
  readonly loadTimeoutMs?: number
  readonly accepted?: GenerationOptions['accepted']
  /** How a cold one comes to a thread; default: at once, on a host of its own. */
  readonly withThread?: GenerationOptions['withThread']
  /** Called when a lane can take more; default: it is filled with what waits in the harness. */
  readonly onRoom?: () => void
  /** Takes what a lane gave back; default: it waits in the harness. */
  readonly onGaveBack?: (generation: Generation, requests: readonly TaskRequest[]) => void
}

/** A call of one task: a request, and a promise of how it ended. */
export class Call implements TaskRequest {
  readonly seq: number
  readonly depth = 0
  readonly key: string
  readonly attempt = 1
  readonly run = 1
  readonly body: string
  readonly pinned: boolean
  readonly answer: Promise<unknown>
  /** Times it was taken back. */
  moves = 0
  #bound: Generation | undefined
  readonly #resolve: (value: unknown) => void
  readonly #reject: (fault: TaskFault | HeadgateError) => void

  /** `pin`: bound to it at once and for good. */
  constructor(seq: number, task: string, input: unknown, pin?: Generation) {
    this.seq = seq
    this.key = `w::${task}`
    this.body = JSON.stringify({ input })
    this.pinned = pin !== undefined
    if (pin !== undefined) this.onBound(pin)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.answer = promise
    promise.catch(() => {})
    this.#resolve = resolve
    this.#reject = reject
  }

  onBound(generation: Generation): void {
    if (this.#bound !== undefined) return
    this.#bound = generation
    generation.ledger.bind('call')
  }

  onMoved(): void {
    this.moves++
    if (this.pinned) return
    this.#release('moved')
  }

  onSuccess(json: string): void {
    this.#release('ended')
    this.#resolve(JSON.parse(json))
  }

  onFailure(fault: TaskFault | HeadgateError): void {
    this.#release('killed')
    this.#reject(fault)
  }

  #release(how: 'ended' | 'killed' | 'moved'): void {
    this.#bound?.ledger.release('call', how)
    this.#bound = undefined
  }
}

export interface Served {
  readonly generation: Generation
  readonly times: BringUpTimes
  readonly transitions: Transition[]
  readonly crashes: string[]
  readonly crashLoops: number[]
  /** Codes of the reasons for which a thread could not be brought up. */
  readonly notReplaced: string[]
  readonly gaveBack: TaskRequest[]
  /** Calls a task; it waits for a lane, and is called again when it was given back. */
  call(task: string, input?: unknown, options?: { pinned?: boolean }): Call
  /** Hands a call over once more, as a retry does. */
  again(call: Call): void
  /** Resolves when the generation is in that state. */
  reaches(state: Transition['to']): Promise<void>
}

export interface Harness {
  host(wishes?: HostWishes): ThreadHost
  /** Loads the package and promotes it. */
  serve(text: Omit<PackageText, 'name'>, wishes?: GenerationWishes): Promise<Served>
  /** Loads it; rejects with the refusal. `also` is told the generation and its lane before. */
  load(
    text: Omit<PackageText, 'name'>,
    wishes?: GenerationWishes,
    also?: (served: Omit<Served, 'times'>, lane: Lane) => void,
  ): Promise<Served>
}

export function openHarness(t: Teardown): Harness {
  const workspace = openWorkspace(t)
  const code = threadCode(workspace.path('thread-code'))
  const hosts: ThreadHost[] = []
  let count = 0
  t.teardown(() => Promise.all(hosts.map((host) => host.destroy())))

  const host: Harness['host'] = (wishes = {}) => {
    const { slotsDir = workspace.path('slots') } = wishes
    const made = new ThreadHost({
      slotDir: join(slotsDir, String(++count)),
      code: wishes.code ?? code,
      threads: wishes.threads ?? 1,
      concurrency: wishes.concurrency ?? 8,
      resourceLimits: {},
      permissions: wishes.permissions ?? 'on',
      grants: NO_GRANTS,
      clock: wishes.clock ?? systemClock,
      onAbandoned: wishes.onAbandoned ?? (() => {}),
    })
    hosts.push(made)
    return made
  }

  const load: Harness['load'] = async (text, wishes = {}, also = () => {}) => {
    const name = 'p'
    const first = openWarmThread(host(wishes))
    const waiting: TaskRequest[] = []
    const transitions: Transition[] = []
    const listeners = new Set<() => void>()
    const crashes: string[] = []
    const crashLoops: number[] = []
    const notReplaced: string[] = []
    const gaveBack: TaskRequest[] = []
    let seq = 0
    const pump = (): void => {
      for (;;) {
        const size = waiting.length + generation.queue.size
        const lane = size === 0 ? undefined : generation.pick()
        if (lane === undefined) return
        while (lane.room > 0) {
          const call = generation.queue.shift() ?? waiting.shift()
          if (call === undefined) break
          const kind = generation.kind(call.key)
          if (kind === undefined) throw new Error(call.key)
          generation.handOver(lane, call, kind)
        }
        generation.sendBatch(lane)
      }
    }
    const generation = new Generation({
      number: count,
      digest: 'd'.repeat(64),
      load: {
        type: 'load',
        entry: 'index.js',
        tenant: 'public',
        package: name,
        version: '1.0.0',
        generation: count,
        boot: 'boot',
        env: {},
        config: null,
        secrets: {},
        maxPayloadBytes: 1_000_000,
        schemas: false,
      },
      declared: null,
      accepted: wishes.accepted ?? null,
      threads: wishes.threads ?? 1,
      drainTimeoutMs: wishes.drainTimeoutMs ?? 30_000,
      keepWarmMs: wishes.keepWarmMs ?? 60_000,
      loadTimeoutMs: wishes.loadTimeoutMs ?? 10_000,
      killGraceMs: wishes.killGraceMs ?? 200,
      clock: wishes.clock ?? systemClock,
      withThread: wishes.withThread ?? ((start) => start(openWarmThread(host(wishes)), false)),
      link: async (slotDir) => writeFiles(slotDir, packageFiles({ ...text, name })),
      upcalls: {
        transition: (_, transition) => {
          transitions.push(transition)
          for (const look of listeners) look()
        },
        capacity: wishes.onRoom ?? pump,
        gaveBack: (_, requests) => {
          gaveBack.push(...requests)
          if (wishes.onGaveBack !== undefined) return wishes.onGaveBack(generation, requests)
          for (const request of requests.toReversed()) {
            if (request.pinned) generation.queue.unshift(request)
            else waiting.unshift(request)
          }
          setImmediate(pump)
        },
        log: () => {},
        invoke: () => {},
        crashed: (_, why) => crashes.push(why),
        crashLoop: (_, exits) => crashLoops.push(exits),
        notReplaced: (_, { code }) => notReplaced.push(code),
        threadsChanged: () => {},
        unavailable: (_, error) => {
          for (const request of waiting.splice(0)) request.onFailure(error)
        },
      },
    })
    const served = {
      generation,
      transitions,
      crashes,
      crashLoops,
      notReplaced,
      gaveBack,
      again(call: Call): void {
        waiting.push(call)
        pump()
      },
      call(task: string, input?: unknown, { pinned = false } = {}): Call {
        const call = new Call(++seq, task, input, pinned ? generation : undefined)
        if (pinned) generation.queue.push(call)
        else waiting.push(call)
        pump()
        return call
      },
      reaches: (state: Transition['to']) =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (generation.state !== state) return
            listeners.delete(look)
            resolve()
          }
          listeners.add(look)
          look()
        }),
    }
    also(served, first.hosted.lane)
    const times = await generation.load(first, false)
    return { ...served, times }
  }

  return {
    host,
    load,
    async serve(text, wishes) {
      const served = await load(text, wishes)
      served.generation.take('promote', 'by the test')
      return served
    },
  }
}
