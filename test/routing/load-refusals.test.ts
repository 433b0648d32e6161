import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { resolveOptions } from '../../src/domain/package-json.ts'
import { Catalog } from '../../src/routing/catalog.ts'
import { LoadRefusals } from '../../src/routing/load-refusals.ts'
import type { StagedDrop } from '../../src/source/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

function dropOf(version: string): StagedDrop {
  const identity = { entry: `p-${version}`, tenant: 'public', package: 'p', version }
  const bytes = { digest: version, entryFile: 'index.js', artifactDir: '/x', files: 1, bytes: 1 }
  return {
    ...identity,
    ...bytes,
    options: resolveOptions({}),
    manifest: null,
    signatures: [],
    doubt: null,
    landedAt: null,
    detectedAt: 0,
    stagedAt: 0,
  }
}

function open() {
  const clock = new ManualClock()
  const catalog = new Catalog()
  const warnings: string[] = []
  let asked = 0
  const refusals = new LoadRefusals({
    catalog,
    now: () => clock.now(),
    after: (ms, fn) => void clock.after(ms, fn),
    warn: (_, message) => warnings.push(message),
    eligible: () => void asked++,
  })
  const add = (version: string): StagedDrop => {
    const drop = dropOf(version)
    catalog.add(drop)
    return drop
  }
  return { clock, catalog, refusals, warnings, add, asked: () => asked }
}

const broken = (): HeadgateError => new HeadgateError('LOAD_FAILED', { why: 'a typo' })
const away = (): HeadgateError => new HeadgateError('SETUP_FAILED', { why: 'database away' })
const full = (): HeadgateError => new HeadgateError('GENERATION_LIMIT', { limit: 4 })

t.test('F1: what is refused for its code is never tried again by itself', (t) => {
  const { clock, catalog, refusals, warnings, add, asked } = open()
  refusals.refuse(add('1.0.0'), broken())
  t.match(catalog.refusal('1.0.0'), { kind: 'rejected', again: 'change', retryAt: null })
  clock.advance(30 * 86_400_000)
  refusals.makeRoom()
  t.equal(asked(), 0)
  t.equal(clock.timers, 0)
  t.same(catalog.eligible(), [])
  t.equal(warnings.length, 1)
  t.end()
})

t.test('F2: what is put off says when it is tried again: later and later, up to a minute', (t) => {
  const { clock, catalog, refusals, add, asked } = open()
  const drop = add('1.0.0')
  const waits = Array.from({ length: 8 }, () => {
    refusals.refuse(drop, away())
    const at = catalog.refusal('1.0.0')?.retryAt ?? 0
    const wait = at - clock.now()
    clock.advance(wait - 1)
    t.ok(catalog.refusal('1.0.0'), 'not before its time')
    clock.advance(1)
    t.equal(catalog.refusal('1.0.0'), undefined)
    return wait / 1000
  })
  t.same(waits, [1, 2, 4, 8, 16, 32, 60, 60])
  t.equal(asked(), 8)
  refusals.forget('1.0.0')
  refusals.refuse(drop, away())
  t.equal((catalog.refusal('1.0.0')?.retryAt ?? 0) - clock.now(), 1000, 'trouble anew')
  t.end()
})

t.test('F2: what waits for room comes in when there is some, all at once', (t) => {
  const { clock, catalog, refusals, add, asked } = open()
  refusals.refuse(add('1.0.0'), full())
  refusals.refuse(add('1.1.0'), full())
  refusals.refuse(add('1.2.0'), broken())
  t.match(catalog.refusal('1.0.0'), { kind: 'deferred', again: 'room', retryAt: null })
  clock.advance(600_000)
  t.equal(asked(), 0, 'time does not make room')
  t.equal(refusals.waitForRoom.length, 2)
  refusals.makeRoom()
  t.same(catalog.eligible(), ['1.1.0', '1.0.0'])
  refusals.makeRoom()
  t.equal(asked(), 1)
  t.end()
})

t.test('F3: a try planned for an earlier refusal leaves a later one alone', (t) => {
  const { clock, catalog, refusals, add, asked } = open()
  refusals.refuse(add('1.0.0'), away())
  catalog.remove('1.0.0')
  refusals.forget('1.0.0')
  refusals.refuse(add('1.0.0'), broken())
  clock.advance(60_000)
  t.equal(catalog.refusal('1.0.0')?.kind, 'rejected')
  t.equal(asked(), 0)
  t.end()
})
