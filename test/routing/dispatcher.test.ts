import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { withRoute } from '../../src/domain/route.ts'
import type { Generation } from '../../src/generation/generation.ts'
import { Dispatcher, PackageLine } from '../../src/routing/dispatcher.ts'
import { Registry } from '../../src/routing/registry.ts'
import { Call, openHarness } from '../generation/harness.ts'
import { refuseLeaks } from '../helpers/leaks.ts'

refuseLeaks(t)
const harness = openHarness(t)
const ECHO = { tasks: { echo: 'return ctx.input' } }

async function serve(t: Test): Promise<Generation> {
  const { generation } = await harness.serve(ECHO)
  t.teardown(() => generation.close(true))
  return generation
}

/** A generation with the traffic of one line, and the dispatcher that feeds it. */
async function open(t: Test): Promise<{
  readonly generation: Generation
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly line: PackageLine
  route(active: number | null): void
}> {
  const generation = await serve(t)
  const registry = new Registry()
  const dispatcher = new Dispatcher(registry)
  const line = new PackageLine('public', 'p')
  registry.add(generation)
  const route = (active: number | null): void =>
    registry.assign(
      withRoute(registry.value, registry.value.epoch + 1, {
        tenant: 'public',
        package: 'p',
        policy: { mode: 'auto' },
        active,
        activeVersion: active === null ? null : '1.0.0',
        held: new Map(),
      }),
    )
  route(generation.number)
  return { generation, registry, dispatcher, line, route }
}

t.test('D3: a lone request leaves at the end of the running callback', async (t) => {
  const { generation, dispatcher, line } = await open(t)
  const call = new Call(1, 'echo', 'alone')
  dispatcher.enqueue(line, call)
  t.equal(generation.ledger.held, 0, 'what else this callback brings may travel with it')
  await Promise.resolve()
  t.equal(generation.ledger.held, 1)
  t.equal(await call.answer, 'alone')
})

t.test('D3: with something under way requests wait for the turn and travel together', async (t) => {
  const { generation, dispatcher, line } = await open(t)
  const first = new Call(1, 'echo', 1)
  dispatcher.enqueue(line, first)
  await Promise.resolve()
  const more = [2, 3, 4].map((n) => new Call(n, 'echo', n))
  for (const call of more) dispatcher.enqueue(line, call)
  await Promise.resolve()
  t.equal(generation.ledger.held, 1)
  t.equal(line.waiting.size, 3)
  // The lane says when it has room; here each turn asks.
  while (line.waiting.size > 0) {
    await turn()
    dispatcher.schedule(line)
  }
  t.same(await Promise.all([first, ...more].map((call) => call.answer)), [1, 2, 3, 4])
})

t.test('D2: what waits when the route changes goes where the route then points', async (t) => {
  const { generation, dispatcher, line, registry, route } = await open(t)
  const next = await serve(t)
  registry.add(next)
  const call = new Call(1, 'echo', 'x')
  dispatcher.enqueue(line, call)
  route(next.number)
  t.equal(await call.answer, 'x')
  t.equal(generation.ledger.totals.ended, 0)
  t.equal(next.ledger.totals.ended, 1)
})

t.test(
  'a task the generation does not have is refused when it is bound, with the nearest',
  async (t) => {
    const { dispatcher, line } = await open(t)
    const call = new Call(1, 'ecko', null)
    dispatcher.enqueue(line, call)
    await t.rejects(call.answer, { code: 'UNKNOWN_TASK', message: /did you mean echo/ })
  },
)

t.test('what is given back to a line without a route is refused', async (t) => {
  const { generation, dispatcher, line, route } = await open(t)
  const call = new Call(1, 'echo', null)
  route(null)
  dispatcher.giveBack(line, generation, [call])
  await t.rejects(call.answer, { code: 'NO_ACTIVE_VERSION' })
  t.equal(line.waiting.size, 0)
})
