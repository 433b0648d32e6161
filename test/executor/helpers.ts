/** Small packages, folders and executors for the tests of this folder: real threads, no sleeps. */

import { createHash } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BroadcastChannel } from 'node:worker_threads'
import type { HeadgateError } from '../../src/base/errors.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import {
  type Executor,
  type ExecutorOptions,
  type GenerationRow,
  type InvokeAnswer,
  type InvokeOptions,
  type PackageRow,
  type SwapReceipt,
  createExecutor,
} from '../../src/index.ts'
import { failure as codedFailure } from '../helpers/failure.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
/** Nothing here takes longer; a wait that does is a failure with words instead of a hang. */
const PATIENCE_MS = 20_000
const CHANNEL = 'headgate-test'

export interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Place {
  readonly root: string
  readonly packagesDir: string
  readonly dataDir: string
  path(entry: string): string
  /** Writes a package elsewhere and renames it to `packagesDir/<entry>`: it is complete at once. */
  drop(made: Made, entry?: string): void
  /** The same with one of the repository's sample packages, by its path below packages-dir. */
  dropSample(sample: string, entry?: string): void
  remove(entry: string): void
}

/** Temporary folders; the process sits in an empty one of them. Deleted after the test. */
export function makePlace(t: Teardown): Place {
  const root = mkdtempSync(join(tmpdir(), 'headgate-executor-'))
  const cwd = join(root, 'cwd')
  const packagesDir = join(root, 'packages')
  mkdirSync(cwd)
  mkdirSync(packagesDir)
  process.chdir(cwd)
  t.teardown(() => {
    process.chdir(tmpdir())
    rmSync(root, { recursive: true, force: true })
  })
  let drops = 0
  const path = (entry: string): string => join(packagesDir, entry)
  const place = (entry: string, fill: (folder: string) => void): void => {
    const prepared = join(root, `prepared-${drops++}`)
    mkdirSync(prepared)
    fill(prepared)
    writeManifest(prepared)
    mkdirSync(dirname(path(entry)), { recursive: true })
    renameSync(prepared, path(entry))
  }
  return {
    root,
    packagesDir,
    dataDir: join(root, 'data'),
    path,
    drop: (made, entry = `${made.name}-${made.version}`) =>
      place(entry, (folder) => {
        for (const [file, text] of Object.entries(made.files)) {
          writeFileSync(join(folder, file), text)
        }
      }),
    dropSample: (sample, entry = sample.split('/').at(-1) ?? sample) =>
      place(entry, (folder) =>
        cpSync(join(REPOSITORY, 'packages-dir', sample), folder, { recursive: true }),
      ),
    remove: (entry) => rmSync(path(entry), { recursive: true }),
  }
}

/** Lists every file, so that the folder counts as complete without a quiet time. */
function writeManifest(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => {
      const bytes = readFileSync(join(file.parentPath, file.name))
      return {
        path: relative(folder, join(file.parentPath, file.name)),
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      }
    })
  writeFileSync(join(folder, MANIFEST_FILE), JSON.stringify({ contract: 1, files }))
}

export interface Made {
  readonly name: string
  readonly version: string
  readonly files: Readonly<Record<string, string>>
}

/** A package whose entry is `source`; VERSION, gate(), workflow and TerminalError are there for it. */
export function make(
  name: string,
  version: string,
  source: string,
  headgate: Readonly<Record<string, unknown>> = {},
): Made {
  const manifest = { name, version, type: 'module', headgate: { entry: 'index.js', ...headgate } }
  const prelude = `
    import { BroadcastChannel } from 'node:worker_threads'
    import { definePackage, TerminalError, workflow } from 'headgate/sdk'
    const VERSION = '${version}'
    const channel = new BroadcastChannel('${CHANNEL}')
    channel.unref()
    const gates = new Map()
    channel.onmessage = ({ data }) => gates.get(data.open)?.()
    const gate = (name) => new Promise((resolve) => {
      gates.set(name, resolve)
      channel.postMessage({ at: name })
    })
  `
  return {
    name,
    version,
    files: { 'package.json': JSON.stringify(manifest), 'index.js': prelude + source },
  }
}

/** A package with one workflow `w`, whose text is the chain of its tasks. */
export function makeTasks(
  name: string,
  version: string,
  tasks: string,
  headgate: Readonly<Record<string, unknown>> = {},
): Made {
  const source = `export default definePackage({ workflows: [workflow('w')${tasks}] })`
  return make(name, version, source, headgate)
}

/** One task `say` that answers who it is. */
export const SAY = `.task('say', {
  run: (_, { input, generation }) => ({ version: VERSION, generation, input: input ?? null }),
})`

/** A task `hold` that waits at the gate its input names. */
export const HOLD = `.task('hold', {
  run: async (_, { input, generation }) => {
    await gate(input)
    return { version: VERSION, generation }
  },
})`

/** The test's side of gate(): knows when a task waits there, and lets it go on. */
export class Gates {
  readonly #channel = new BroadcastChannel(CHANNEL)
  readonly #reached = new Map<string, PromiseWithResolvers<void>>()

  constructor(t: Teardown) {
    this.#channel.onmessage = (event) => {
      this.#of(String((event as { data: { at?: unknown } }).data.at)).resolve()
    }
    t.teardown(() => this.#channel.close())
  }

  /** Resolves when a task waits there. */
  reached(name: string): Promise<void> {
    return within(`a task at gate ${name}`, this.#of(name).promise)
  }

  open(name: string): void {
    this.#channel.postMessage({ open: name })
  }

  #of(name: string): PromiseWithResolvers<void> {
    const known = this.#reached.get(name) ?? Promise.withResolvers<void>()
    this.#reached.set(name, known)
    return known
  }
}

/** An executor over `place`, closed after the test. */
export async function start(
  t: Teardown,
  place: Place,
  options: Partial<ExecutorOptions> = {},
): Promise<Executor> {
  const executor = await createExecutor({
    packagesDir: place.packagesDir,
    dataDir: place.dataDir,
    spare: false,
    reconcileMs: 100,
    removeAfterMs: 50,
    ...options,
  })
  t.teardown(() => executor.close({ force: true }))
  return executor
}

/** Waits on the executor's events until `look` gives something; fails with `what` after 20 s. */
export async function until<T>(
  executor: Executor,
  what: string,
  look: () => T | undefined | false,
): Promise<T> {
  const found = Promise.withResolvers<T>()
  const check = (): void => {
    const value = look()
    if (value !== undefined && value !== false) found.resolve(value)
  }
  const offs = [
    executor.events.on('package', check),
    executor.events.on('control', check),
    executor.events.on('receipt', check),
    executor.events.on('log', check),
  ]
  check()
  try {
    return await within(what, found.promise)
  } finally {
    for (const off of offs) off()
  }
}

/** For what has no event: looks again after each reconcile. */
export async function untilLooked<T>(
  executor: Executor,
  what: string,
  look: () => T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const value = look()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`)
    await executor.reconcile()
  }
}

export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`waited ${PATIENCE_MS} ms for ${what}`)),
    PATIENCE_MS,
  )
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

export function row(executor: Executor, name: string, tenant = 'public'): PackageRow {
  const found = executor.package(tenant, name)
  if (found === undefined) throw new Error(`no package ${name}`)
  return found
}

export function active(executor: Executor, name: string, tenant = 'public'): string | null {
  return executor.package(tenant, name)?.activeVersion ?? null
}

export function untilActive(
  executor: Executor,
  name: string,
  version: string | null,
  tenant = 'public',
): Promise<true> {
  return until(
    executor,
    `${tenant} ${name}@${version} to be active`,
    () => active(executor, name, tenant) === version,
  )
}

export function generationOf(
  executor: Executor,
  name: string,
  version: string,
): GenerationRow | undefined {
  return executor.package('public', name)?.generations.find((one) => one.version === version)
}

/** Resolves with the receipt of the swap to `version` when it is complete. */
export async function completeReceipt(
  executor: Executor,
  name: string,
  version: string,
): Promise<SwapReceipt> {
  const accept = (receipt: SwapReceipt): boolean =>
    receipt.package === name && receipt.to.version === version && receipt.drained !== null
  const told = executor.events.once('receipt', accept)
  const stored = await executor.receipts({ package: name, limit: 100 })
  return stored.find(accept) ?? within(`the receipt of ${version}`, told)
}

/** The coded error a call ends with; throws when it does not fail in time, or fails without a code. */
export function failure(promise: Promise<unknown>): Promise<HeadgateError> {
  return within('a call to fail', codedFailure(promise))
}

/** Of all of them; call it before they fail. */
export function failures(promises: readonly Promise<unknown>[]): Promise<HeadgateError[]> {
  return Promise.all(promises.map(failure))
}

/** Of the package `p`, by an operator. */
export const promote = (executor: Executor, version: string): Promise<void> =>
  executor.promote({ tenant: 'public', package: 'p', version, reason: 'a test', actor: 'tester' })

/** What `say` answered, parsed. */
export async function say(
  executor: Executor,
  name: string,
  options: InvokeOptions = {},
  tenant = 'public',
): Promise<{ version: string; generation: number }> {
  const answer = await executor.invoke(`${tenant}::${name}::w::say`, {}, options)
  return answer as { version: string; generation: number }
}

export interface Load {
  readonly sent: number
  readonly answers: readonly InvokeAnswer[]
  readonly errors: readonly unknown[]
  /** Resolves when `count` further requests were answered. */
  more(count: number): Promise<void>
  /** Sends nothing more and waits for what is under way. */
  stop(): Promise<void>
}

/** Keeps `inFlight` requests under way until stopped. `send` gets a number that grows from 0. */
export function closedLoop(inFlight: number, send: (id: number) => Promise<InvokeAnswer>): Load {
  let sent = 0
  let running = true
  const answers: InvokeAnswer[] = []
  const errors: unknown[] = []
  const waiting = new Set<{ readonly at: number; readonly resolve: () => void }>()
  const client = async (): Promise<void> => {
    while (running) {
      try {
        answers.push(await send(sent++))
      } catch (error) {
        errors.push(error)
      }
      for (const one of waiting) {
        if (answers.length + errors.length < one.at) continue
        waiting.delete(one)
        one.resolve()
      }
    }
  }
  const clients = Promise.all(Array.from({ length: inFlight }, client))
  return {
    get sent() {
      return sent
    },
    answers,
    errors,
    more: (count) =>
      within(
        `${count} more answers`,
        new Promise((resolve) => {
          waiting.add({ at: answers.length + errors.length + count, resolve })
        }),
      ),
    stop: async () => {
      running = false
      await within('the load to end', clients)
    },
  }
}
