/**
 * Real npm libraries as packages: three of them in three versions each, packed, dropped into a real
 * executor and swapped from version to version under load.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  type LibraryPackage,
  libraryPackages,
  writeLibraryPackage,
} from '../../bench/lib/library-packages.ts'
import { HistoryChecker } from '../../src/domain/history.ts'
import type { Executor } from '../../src/index.ts'
import { makeAuthor, packedManifestOf, startExecutor } from './author.ts'

const IN_FLIGHT = 8
/** Answers before the next version is dropped, and after the last. */
const ANSWERS_A_VERSION = 200

interface Load {
  readonly checker: HistoryChecker
  readonly errors: readonly unknown[]
  /** Answers that were wrong, or of another version than the executor says. */
  readonly wrong: readonly unknown[]
  readonly byVersion: ReadonlyMap<string, number>
  more(answers: number): Promise<void>
  stop(): Promise<void>
}

/** Calls the task as long as it is not stopped, and holds every answer against what it must be. */
function callAlways(executor: Executor, { task, input, result }: LibraryPackage): Load {
  const checker = new HistoryChecker()
  const errors: unknown[] = []
  const wrong: unknown[] = []
  const byVersion = new Map<string, number>()
  const name = task.split('::')[1] ?? ''
  const row = executor.package('public', name)
  checker.routed(executor.registry.epoch, row?.activeGeneration ?? null)
  const epochs = new Set([executor.registry.epoch])
  executor.events.on('receipt', (receipt) => {
    // A receipt is told again when it is complete.
    if (receipt.package !== name || epochs.has(receipt.epoch)) return
    epochs.add(receipt.epoch)
    checker.routed(receipt.epoch, receipt.to.generation)
  })
  let answers = 0
  let running = true
  let ids = 0
  let waiting: { readonly at: number; readonly resolve: () => void } | undefined
  const body = JSON.stringify({ input })
  const expected = JSON.stringify(result)
  const client = async (): Promise<void> => {
    while (running) {
      const id = ids++
      checker.accepted(id)
      try {
        const answer = await executor.invokeJson(task, body)
        const said = JSON.parse(answer.json)
        checker.answered(id, answer.generation, answer.epoch, true)
        byVersion.set(said.version, (byVersion.get(said.version) ?? 0) + 1)
        const isRight = JSON.stringify(said.result) === expected && said.version === answer.version
        if (!isRight) wrong.push(said)
      } catch (error) {
        checker.answered(id, null, executor.registry.epoch, false)
        errors.push(error)
      }
      answers++
      if (waiting !== undefined && answers >= waiting.at) waiting.resolve()
    }
  }
  const clients = Promise.all(Array.from({ length: IN_FLIGHT }, client))
  return {
    checker,
    errors,
    wrong,
    byVersion,
    more: (count) => new Promise((resolve) => (waiting = { at: answers + count, resolve })),
    stop: async () => {
      running = false
      await clients
    },
  }
}

for (const library of ['marked', 'ajv', 'mustache'] as const) {
  t.test(
    `versions of ${library} are packed and swapped under load, none lost or failed`,
    async (t) => {
      const author = makeAuthor(t)
      const { executor, serve } = await startExecutor(t, author)
      const sources = join(author.root, 'sources')
      mkdirSync(sources)
      const versions = libraryPackages(library)
      const packed: string[] = []
      for (const one of versions) {
        const dir = writeLibraryPackage(sources, one)
        const { to, packed: result } = await author.pack(dir)
        t.match(result.dependencies, [{ name: library, version: one.version }])
        t.equal(packedManifestOf(to).version, one.version)
        packed.push(to)
      }
      const [first = '', ...later] = packed
      const [wrapped] = versions
      if (wrapped === undefined) throw new Error('no version is installed')
      await serve(first)
      const load = callAlways(executor, wrapped)
      await load.more(ANSWERS_A_VERSION)
      for (const folder of later) {
        await serve(folder)
        await load.more(ANSWERS_A_VERSION)
      }
      await load.stop()
      t.same(load.errors, [])
      t.same(load.wrong, [])
      t.same(
        [...load.byVersion.keys()],
        versions.map(({ version }) => version),
      )
      const verdict = load.checker.finish()
      t.match(verdict, { failed: 0, lost: 0, doubled: 0, wrongGeneration: 0, problems: [] })
    },
  )
}
