/** What is refused is looked at again only when that can change the answer. */

import t from 'tap'
import type { Executor, RefusalRow } from '../../src/index.ts'
import {
  SAY,
  active,
  failure,
  make,
  makePlace,
  makeTasks,
  row,
  say,
  start,
  until,
} from './helpers.ts'

const BROKEN = `throw new Error('a typo')`

function refusal(executor: Executor, version: string): RefusalRow | undefined {
  return row(executor, 'p').refusals.find((one) => one.version === version)
}

/** How often a thread took the version. */
async function loads(executor: Executor, version: string): Promise<number> {
  const entries = await executor.control({ since: 0, limit: 1000 })
  return entries.filter((entry) => entry.version === version && entry.to === 'loading').length
}

t.test('a version refused for its code is loaded once, however often one looks', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  place.drop(make('p', '1.1.0', BROKEN))
  const refused = await until(executor, 'the refusal', () => refusal(executor, '1.1.0'))
  t.match(refused, { kind: 'rejected', again: 'change', retryAt: null })
  for (let look = 0; look < 100; look++) await executor.reconcile()
  for (let call = 0; call < 20; call++) {
    const pinned = await failure(say(executor, 'p', { version: '1.1.0' }))
    t.equal(pinned.code, 'NO_MATCHING_VERSION')
  }
  t.equal(await loads(executor, '1.1.0'), 1)
  t.equal(refusal(executor, '1.1.0')?.since, refused.since)
  t.equal(active(executor, 'p'), '1.0.0')
})

t.test('a version that only a pin asks for is refused once too, and shown', async (t) => {
  const place = makePlace(t)
  place.drop(make('p', '1.0.0', BROKEN))
  place.drop(makeTasks('p', '1.1.0', SAY))
  const executor = await start(t, place)
  t.same(row(executor, 'p').refusals, [], 'nobody has asked yet')
  t.match(await failure(say(executor, 'p', { version: '1.0.0' })), { code: 'LOAD_FAILED' })
  t.match(refusal(executor, '1.0.0'), { kind: 'rejected', error: { code: 'LOAD_FAILED' } })
  for (let call = 0; call < 20; call++) {
    t.match(await failure(say(executor, 'p', { version: '1.0.0' })), {
      code: 'NO_MATCHING_VERSION',
    })
  }
  t.equal(await loads(executor, '1.0.0'), 1)
  t.match(await say(executor, 'p', { version: '^1.0.0' }), { version: '1.1.0' })
})

t.test('a pin to a version that is put off is told why, and costs no load', async (t) => {
  const place = makePlace(t)
  const needs = `export default definePackage({ secrets: ['KEY'], workflows: [workflow('w')${SAY}] })`
  place.drop(make('p', '1.0.0', needs))
  place.drop(makeTasks('p', '1.1.0', SAY))
  const executor = await start(t, place)
  for (let call = 0; call < 5; call++) {
    const error = await failure(say(executor, 'p', { version: '1.0.0' }))
    t.match(error, { code: 'CONFIG_MISSING', retryable: true, message: /the secret KEY/ })
  }
  const put = refusal(executor, '1.0.0')
  t.match(put, { kind: 'deferred', again: 'retry' })
  t.equal(Math.round((put?.retryAt ?? 0) - (put?.since ?? 0)), 1000)
  t.equal(await loads(executor, '1.0.0'), 1)
})
