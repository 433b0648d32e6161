import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { withRoute } from '../../src/domain/route.ts'
import type { Generation } from '../../src/generation/generation.ts'
import { Dispatcher, PackageLine } from '../../src/routing/dispatcher.ts'
import { Registry } from '../../src/routing/registry.ts'
import { Call, type GenerationWishes, openHarness } from '../generation/harness.ts'
import { refuseLeaks } from '../helpers/leaks.ts'

refuseLeaks(t)
const harness = openHarness(t)
/** What holds ends when its thread is ended. */
const TASKS = {
  tasks: {
    echo: 'return ctx.input',
    hold: 'await new Promise(() => {})',
    block: 'for (const until = Date.now() + 50; Date.now() < until; );',
  },
}

async function serve(t: Test, wishes: GenerationWishes = {}): Promise<Generation> {
  const { generation } = await harness.serve(TASKS, wishes)
  t.teardown(() => generation.close(true))
  return generation
}

/** A generation with the traffic of one line, and the dispatcher that feeds it. */
async function open(
  t: Test,
  threads = 1,
): Promise<{
  readonly generation: Generation
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly line: PackageLine
  route(active: number | null): void
}> {
  const registry = new Registry()
  const dispatcher = new Dispatcher(registry)
  const line = new PackageLine('public', 'p')
  const generation = await serve(t, {
    threads,
    onRoom: () => dispatcher.refill(line),
    // A thread that stands still, be it for want of a core, gives back what it has not begun.
    onGaveBack: (from, requests) => dispatcher.giveBack(line, from, requests),
  })
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
  // Its thread had room from the load on.
  await turn()
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
  t.same(await Promise.all([first, ...more].map((call) => call.answer)), [1, 2, 3, 4])
})

/** The end of the running callback, when all microtasks have run. */
const endOfCallback = (): Promise<void> =>
  new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))

t.test('D4: a lane that answered is filled again at the end of that callback', async (t) => {
  const { generation, dispatcher, line } = await open(t)
  dispatcher.enqueue(line, new Call(1, 'hold', null))
  const first = new Call(2, 'echo', 1)
  dispatcher.enqueue(line, first)
  await first.answer
  let turnEnded = false
  setImmediate(() => (turnEnded = true))
  const second = new Call(3, 'echo', 2)
  dispatcher.enqueue(line, second)
  t.equal(generation.ledger.held, 1, 'the call that holds')
  await endOfCallback()
  t.notOk(turnEnded)
  t.equal(generation.ledger.held, 2)
  t.equal(await second.answer, 2)
})

for (const [what, holding] of [
  ['beside a call that holds', true],
  ['with nothing else under way', false],
] as const) {
  t.test(`D4: once a turn, ${what}: the answers of others are read before the next`, async (t) => {
    const { generation, dispatcher, line } = await open(t, holding ? 2 : 1)
    let seq = 0
    const send = (task = 'echo'): Call => {
      const call = new Call(++seq, task, seq)
      dispatcher.enqueue(line, call)
      return call
    }
    // From here on all goes to the other thread: it holds less.
    if (holding) for (const task of ['hold', 'hold']) send(task)
    await send().answer
    let wasTwice = false
    for (let tries = 0; tries < 50 && !wasTwice; tries++) {
      await turn()
      await send().answer
      let isTurnOver = false
      setImmediate(() => (isTurnOver = true))
      const second = send()
      await endOfCallback()
      const waitsAtOnce = line.waiting.size
      // Node reads the answer to this one before it comes to anything else.
      for (const until = performance.now() + 20; performance.now() < until; );
      await second.answer
      // On a busy machine the thread took longer than that.
      if (isTurnOver) continue
      wasTwice = true
      const third = send()
      await endOfCallback()
      t.notOk(isTurnOver)
      t.same([waitsAtOnce, line.waiting.size], [0, 1])
      t.equal(await third.answer, third.seq)
      await turn()
      await send().answer
      send()
      await endOfCallback()
      t.equal(line.waiting.size, 0, 'in the next turn it is filled at once again')
    }
    t.ok(wasTwice, 'an answer came before the turn was over')
    t.equal(generation.ledger.held, holding ? 3 : 1)
  })
}

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

t.test(
  'what waited behind a blocked thread is given back to the line and served by it',
  async (t) => {
    const { generation, dispatcher, line } = await open(t)
    const block = new Call(1, 'block', null)
    const behind = new Call(2, 'echo', 'behind')
    for (const call of [block, behind]) dispatcher.enqueue(line, call)
    const later = new Call(3, 'echo', 'later')
    await turn()
    dispatcher.enqueue(line, later)
    t.same(await Promise.all([behind.answer, later.answer]), ['behind', 'later'])
    t.ok(behind.moves > 0, 'it was taken back')
    await block.answer
    t.equal(generation.ledger.held, 0)
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
