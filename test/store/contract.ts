/**
 * What every Store must do, whatever it is made of. An implementation's own test file runs this
 * suite and adds what is particular to it.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import type { Store } from '../../src/store/store.ts'
import { entry, known, receipt, route } from './records.ts'

export interface StoreUnderTest {
  /** A store on `dataDir` that is not open yet. */
  create(dataDir: string, boot: string): Store
  /**
   * A program that opens a store on the folder given as its argument, then appends one entry after
   * the other for ever and prints the seq of each acknowledged one as a line.
   */
  readonly appender: URL
}

export function storeContract(t: Test, subject: StoreUnderTest): void {
  /** Opens a store that is closed after the test, if the test did not. */
  async function opened(t: Test, dir: string, boot = 'boot-1'): Promise<Store> {
    const store = subject.create(dir, boot)
    t.teardown(() => store.close())
    await store.open()
    return store
  }

  t.test('a new store is empty', async (t) => {
    const store = subject.create(t.testdir(), 'boot-1')
    t.teardown(() => store.close())
    t.same(await store.open(), { routes: [], known: [], lastSeq: 0 })
    t.same(await store.receipts({ limit: 10 }), [])
    t.same(await store.control({ since: 0, limit: 10 }), [])
  })

  t.test('the control log numbers entries from 1 without gaps, over boots', async (t) => {
    const dir = t.testdir()
    const first = await opened(t, dir, 'boot-1')
    const written = await first.append([entry({ to: 'staging' }), entry({ to: 'loading' })])
    t.same(written, [
      { ...entry({ to: 'staging' }), seq: 1, boot: 'boot-1' },
      { ...entry({ to: 'loading' }), seq: 2, boot: 'boot-1' },
    ])
    await first.close()

    const second = subject.create(dir, 'boot-2')
    t.teardown(() => second.close())
    t.equal((await second.open()).lastSeq, 2)
    t.same(await second.append([]), [])
    const [third] = await second.append([entry({ from: 'loading', to: 'probing' })])
    t.match(third, { seq: 3, boot: 'boot-2' })
    t.same(await second.control({ since: 0, limit: 10 }), [...written, third])
  })

  t.test('entries of concurrent calls keep the order of the calls', async (t) => {
    const store = await opened(t, t.testdir())
    const calls = Array.from({ length: 300 }, (_, i) =>
      store.append([entry({ generation: 2 * i }), entry({ generation: 2 * i + 1 })]),
    )
    const written = (await Promise.all(calls)).flat()
    t.same(
      written.map(({ seq, generation }) => [seq, generation]),
      Array.from({ length: 600 }, (_, i) => [i + 1, i]),
    )
    t.same(await store.control({ since: 0, limit: 1000 }), written)
  })

  t.test('the control log is read by keyset and by package', async (t) => {
    const store = await opened(t, t.testdir())
    await store.append([
      entry(),
      entry({ package: 'billing' }),
      entry({ tenant: 'acme' }),
      entry({ to: 'loading' }),
    ])
    const seqs = async (query: Parameters<Store['control']>[0]): Promise<number[]> =>
      (await store.control(query)).map(({ seq }) => seq)
    t.same(await seqs({ since: 0, limit: 2 }), [1, 2])
    t.same(await seqs({ since: 2, limit: 2 }), [3, 4])
    t.same(await seqs({ since: 4, limit: 2 }), [])
    t.same(await seqs({ since: 0, limit: 2, newest: true }), [3, 4])
    t.same(await seqs({ since: 3, limit: 2, newest: true }), [4])
    t.same(await seqs({ since: 0, limit: 2, newest: true, package: 'mailer' }), [3, 4])
    t.same(await seqs({ since: 0, limit: 2, newest: true, tenant: 'public' }), [2, 4])
    t.same(await seqs({ since: 0, limit: 9, tenant: 'public' }), [1, 2, 4])
    t.same(await seqs({ since: 0, limit: 9, package: 'mailer' }), [1, 3, 4])
    t.same(await seqs({ since: 1, limit: 9, tenant: 'public', package: 'mailer' }), [4])
  })

  t.test('the last committed route is restored with all its fields', async (t) => {
    const dir = t.testdir()
    const first = await opened(t, dir)
    await first.commitRoute(route())
    const latest = route({
      epoch: 7,
      version: '2.0.0',
      digest: 'b'.repeat(64),
      previousVersion: '1.0.0',
      previousDigest: 'a'.repeat(64),
      policy: { mode: 'range', range: '^2.0.0' },
      held: { '2.1.0': 'rolled back by an operator' },
    })
    await first.commitRoute(latest)
    const unrouted = route({ tenant: 'acme', epoch: 8, version: null, digest: null })
    await first.commitRoute({ ...unrouted, policy: { mode: 'manual' } })
    await first.close()

    const again = subject.create(dir, 'boot-2')
    t.teardown(() => again.close())
    const { routes } = await again.open()
    t.same(
      new Set(routes.map((found) => JSON.stringify(found))),
      new Set([latest, { ...unrouted, policy: { mode: 'manual' } }].map((r) => JSON.stringify(r))),
    )
  })

  t.test('a version is known by its first digest, also after a reopen', async (t) => {
    const dir = t.testdir()
    const first = await opened(t, dir)
    await first.know(known())
    await first.know(known({ firstSeenAt: 2 }))
    await first.know(known({ digest: 'b'.repeat(64) }))
    await first.know(known({ tenant: 'acme', digest: 'b'.repeat(64) }))
    await first.close()

    const second = subject.create(dir, 'boot-2')
    t.teardown(() => second.close())
    const snapshot = await second.open()
    t.same(
      snapshot.known.find(({ tenant }) => tenant === 'public'),
      known(),
    )
    t.equal(snapshot.known.length, 2)
  })

  t.test('a number is reserved once: concurrently, per kind, over reopens', async (t) => {
    const dir = t.testdir()
    const given = new Set<number>()
    const take = (first: number, count: number): void => {
      for (let n = first; n < first + count; n++) {
        if (given.has(n)) t.fail(`generation ${n} was given twice`)
        given.add(n)
      }
    }
    for (const boot of ['boot-1', 'boot-2', 'boot-3']) {
      const store = await opened(t, dir, boot)
      const counts = [1, 16, 3, 1, 64, 2]
      const firsts = await Promise.all(counts.map((count) => store.reserve('generation', count)))
      for (const [i, first] of firsts.entries()) take(first, counts[i] ?? 0)
      await store.close()
    }
    t.equal(given.size, 3 * 87)
    t.equal(Math.min(...given), 1)
    const store = await opened(t, dir, 'boot-4')
    t.equal(await store.reserve('epoch', 5), 1, 'epochs count for themselves')
    t.equal(await store.reserve('epoch', 1), 6)
  })

  t.test('a receipt is replaced by epoch and paged newest first', async (t) => {
    const dir = t.testdir()
    const first = await opened(t, dir)
    for (let epoch = 1; epoch <= 5; epoch++) {
      await first.putReceipt(receipt({ epoch, package: epoch === 2 ? 'billing' : 'mailer' }))
    }
    const complete = receipt({ epoch: 4, drained: 3, killed: 0, lost: 0, drainMs: 12.5 })
    await first.putReceipt(complete)
    await first.close()

    const store = await opened(t, dir, 'boot-2')
    const page = await store.receipts({ limit: 2 })
    t.same(
      page.map(({ epoch }) => epoch),
      [5, 4],
    )
    t.same(page[1], complete)
    const epochs = async (query: Parameters<Store['receipts']>[0]): Promise<number[]> =>
      (await store.receipts(query)).map(({ epoch }) => epoch)
    t.same(await epochs({ limit: 2, before: 4 }), [3, 2])
    t.same(await epochs({ limit: 9, package: 'mailer' }), [5, 4, 3, 1])
    t.same(await epochs({ limit: 9, before: 4, tenant: 'public', package: 'mailer' }), [3, 1])
    t.same(await epochs({ limit: 9, tenant: 'acme' }), [])
  })

  t.test('a receipt that a boot left open is cut off at the next', async (t) => {
    const dir = t.testdir()
    const first = await opened(t, dir, 'boot-1')
    const done = { drained: 3, killed: 0, lost: 0, drainMs: 12.5 }
    await first.putReceipt(receipt({ epoch: 1 }))
    await first.putReceipt(receipt({ epoch: 2, ...done }))
    await first.close()
    const second = await opened(t, dir, 'boot-2')
    await second.putReceipt(receipt({ epoch: 3 }))
    t.same(await second.receipts({ limit: 9 }), [
      receipt({ epoch: 3 }),
      receipt({ epoch: 2, ...done }),
      { ...receipt({ epoch: 1 }), cutOff: true },
    ])
  })

  t.test('a call that fails rejects alone; its neighbours commit', async (t) => {
    const dir = t.testdir()
    const store = await opened(t, dir)
    const results = await Promise.allSettled([
      store.append([entry({ reason: 'before' })]),
      store.append([entry(), entry({ at: Number.NaN })]),
      store.commitRoute(route({ epoch: -1 })),
      store.reserve('generation', 0),
      store.append([entry({ reason: 'after' })]),
    ])
    t.same(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
    )
    for (const result of results) {
      if (result.status === 'rejected') t.ok(result.reason instanceof HeadgateError)
    }
    await store.close()
    const again = subject.create(dir, 'boot-2')
    t.teardown(() => again.close())
    t.match(await again.open(), { routes: [], lastSeq: 2 })
    t.match(await again.control({ since: 0, limit: 9 }), [
      { reason: 'before' },
      { reason: 'after' },
    ])
    t.equal(await again.reserve('generation', 1), 1)
  })

  t.test('what the caller changes after the call is not stored', async (t) => {
    const dir = t.testdir()
    const store = await opened(t, dir)
    const held: Record<string, string> = { '1.0.0': 'first' }
    const entries = [entry()]
    const calls = [store.commitRoute(route({ held })), store.append(entries)]
    held['2.0.0'] = 'later'
    entries.push(entry())
    await Promise.all(calls)
    await store.close()
    const again = subject.create(dir, 'boot-2')
    t.teardown(() => again.close())
    const { routes, lastSeq } = await again.open()
    t.same(routes[0]?.held, { '1.0.0': 'first' })
    t.equal(lastSeq, 1)
  })

  t.test('close commits what was called before it and refuses what comes after', async (t) => {
    const dir = t.testdir()
    const store = await opened(t, dir)
    const calls = Array.from({ length: 50 }, () => store.append([entry()]))
    const closing = store.close()
    t.equal(store.close(), closing, 'every caller waits for the same close')
    await t.rejects(store.append([entry()]), { code: 'STORE_FAILED' })
    await closing
    t.equal((await Promise.all(calls)).at(-1)?.[0]?.seq, 50)
    await t.rejects(store.control({ since: 0, limit: 1 }), { code: 'STORE_FAILED' })
    const again = subject.create(dir, 'boot-2')
    t.teardown(() => again.close())
    t.equal((await again.open()).lastSeq, 50)
  })

  t.test('a store that was never opened refuses calls and closes', async (t) => {
    const dir = t.testdir()
    const store = subject.create(dir, 'boot-1')
    await t.rejects(store.append([entry()]), { code: 'STORE_FAILED' })
    await store.close()
    await t.rejects(store.open(), HeadgateError)
    await (await opened(t, dir)).close()
  })

  t.test('a store that is closed while it opens gives the data dir back', async (t) => {
    const dir = t.testdir()
    const store = subject.create(dir, 'boot-1')
    const opening = store.open()
    await store.close()
    await t.resolves(opening)
    await t.resolves(opened(t, dir, 'boot-2'))
  })

  t.test('a second store in the same process is refused until the first is closed', async (t) => {
    const dir = t.testdir()
    const first = await opened(t, dir)
    const second = subject.create(dir, 'boot-2')
    t.teardown(() => second.close())
    await t.rejects(second.open(), {
      code: 'DATA_DIR_IN_USE',
      details: { dir, pid: process.pid },
    })
    t.equal((await first.append([entry()]))[0]?.seq, 1, 'the refusal left the holder untouched')
    await t.rejects(second.open(), { code: 'DATA_DIR_IN_USE' }, 'and its lock too')
    await first.close()
    t.equal((await second.open()).lastSeq, 1)
  })

  t.test('kill -9: what was acknowledged is there, and the data dir is free', async (t) => {
    const dir = t.testdir()
    for (const rounds of [1, 2, 3]) {
      const child = startAppender(subject.appender, dir)
      t.teardown(() => void child.kill('SIGKILL'))
      const lines = createInterface({ input: child.stdout })
      let acknowledged = 0
      let last = 0
      for await (const line of lines) {
        last = Number(line)
        acknowledged++
        if (acknowledged === 1) {
          const other = subject.create(dir, 'other')
          await t.rejects(other.open(), { code: 'DATA_DIR_IN_USE', details: { pid: child.pid } })
          await other.close()
        }
        // Lines that were already written after the kill count as acknowledged as well.
        if (acknowledged === 20 * rounds) child.kill('SIGKILL')
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      t.equal(child.signalCode, 'SIGKILL')

      const store = subject.create(dir, `after-${rounds}`)
      const { lastSeq } = await store.open()
      t.ok(lastSeq >= last, `acknowledged up to ${last}, found ${lastSeq}`)
      const log = await store.control({ since: 0, limit: lastSeq + 1 })
      t.same(
        log.map(({ seq }) => seq),
        Array.from({ length: lastSeq }, (_, i) => i + 1),
      )
      await store.close()
    }
  })
}

export function startAppender(
  program: URL,
  dir: string,
): ChildProcessByStdio<null, Readable, null> {
  return spawn(process.execPath, [fileURLToPath(program), dir], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
