import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { type BindingKind, Ledger, type ReleaseKind } from '../../src/generation/ledger.ts'

t.test('L2: one release too many throws', (t) => {
  const ledger = new Ledger(7, () => {})
  ledger.bind('call')
  ledger.release('call', 'ended')
  t.throws(() => ledger.release('call', 'ended'), {
    code: 'LEDGER_RELEASED_TWICE',
    details: { generation: 7 },
  })
  t.end()
})

t.test('L3: zero is told in the release that reaches it, over all kinds', (t) => {
  const zeros: string[] = []
  const ledger = new Ledger(1, () => zeros.push('zero'))
  ledger.bind('workflow')
  ledger.bind('held')
  ledger.bind('call')
  ledger.release('workflow', 'ended')
  ledger.release('call', 'killed')
  t.same(zeros, [])
  t.same(ledger.counts, { calls: 0, workflows: 0, held: 1 })
  ledger.release('held', 'ended')
  t.same(zeros, ['zero'])
  t.same(
    ledger.totals,
    { ended: 1, killed: 1, moved: 0, answered: 0 },
    'held requests are parts of calls',
  )
  t.end()
})

t.test('every binding released once leads to zero, whatever the order', (t) => {
  const kind = fc.constantFrom<BindingKind>('call', 'workflow', 'held')
  const how = fc.constantFrom<ReleaseKind>('ended', 'killed', 'moved')
  const bindings = fc.array(fc.tuple(kind, how, fc.nat()), { minLength: 1, maxLength: 30 })
  holds(
    t,
    fc.property(bindings, (list) => {
      let zeros = 0
      const ledger = new Ledger(1, () => zeros++)
      for (const [of] of list) ledger.bind(of)
      const calls = list.filter(([of]) => of !== 'held').length
      if (ledger.inFlight !== calls || ledger.zero) return false
      for (const [of, end] of list.toSorted((a, b) => a[2] - b[2])) ledger.release(of, end)
      const { ended, killed, moved } = ledger.totals
      return ledger.zero && zeros === 1 && ended + killed + moved === calls
    }),
  )
  t.end()
})

t.test('who waits for zero is told once, at the release that reaches it', (t) => {
  const ledger = new Ledger(1, () => told.push('drained'))
  const told: string[] = []
  ledger.onceZero(() => told.push('at once'))
  ledger.bind('call')
  ledger.bind('held')
  ledger.onceZero(() => told.push('first'))
  ledger.onceZero(() => told.push('second'))
  ledger.release('call', 'ended')
  t.same(told, ['at once'])
  ledger.release('held', 'ended')
  ledger.bind('call')
  ledger.release('call', 'ended')
  t.same(told, ['at once', 'drained', 'first', 'second', 'drained'])
  t.end()
})
