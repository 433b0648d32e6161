import t from 'tap'
import { TypedEmitter } from '../../src/base/events.ts'
import { emptyRegistry, type RegistryValue, withRoute } from '../../src/domain/route.ts'
import type { Executor, ExecutorEvents } from '../../src/executor/api.ts'
import type { SwapReceipt } from '../../src/store/store.ts'
import { Account } from '../../bench/lib/account.ts'

/** The parts of an executor that an account looks at. */
class Board {
  readonly events = new TypedEmitter<ExecutorEvents>()
  registry: RegistryValue = emptyRegistry(1)

  swap(epoch: number, generation: number): void {
    const activeVersion = `1.0.${generation}`
    this.registry = withRoute(this.registry, epoch, {
      tenant: 'public',
      package: 'p',
      policy: { mode: 'auto' },
      active: generation,
      activeVersion,
      held: new Map(),
    })
    const receipt = {
      epoch,
      tenant: 'public',
      package: 'p',
      to: { version: activeVersion, generation },
    } as SwapReceipt
    this.events.emit('receipt', receipt)
    this.events.emit('receipt', receipt)
  }

  openAccount(): Account {
    return new Account(this as unknown as Executor, 'public', 'p')
  }
}

function answer(generation: number, epoch: number) {
  return { json: '{}', version: `1.0.${generation}`, generation, epoch }
}

function said(id: number, generation: number, run: number) {
  return { id, version: `1.0.${generation}`, generation, thread: generation, run }
}

t.test('a clean swap leaves nothing to report', (t) => {
  const board = new Board()
  board.swap(2, 1)
  const account = board.openAccount()
  const [a, b, c] = [account.accept(), account.accept(), account.accept()]
  account.answered(a, answer(1, 2), said(a, 1, 1))
  board.swap(3, 2)
  account.answered(c, answer(2, 3), said(c, 2, 1))
  // Bound before the swap, answered after it.
  account.answered(b, answer(1, 2), said(b, 1, 2))
  t.match(account.close(), {
    accepted: 3,
    failed: 0,
    lost: 0,
    doubled: 0,
    wrongGeneration: 0,
    unexpected: 0,
    problems: [],
  })
  t.end()
})

t.test('a request bound to the old generation after the swap is wrong', (t) => {
  const board = new Board()
  board.swap(2, 1)
  const account = board.openAccount()
  board.swap(3, 2)
  const id = account.accept()
  account.answered(id, answer(1, 3))
  t.match(account.close(), { wrongGeneration: 1 })
  t.end()
})

t.test('code of another version than the answer claims is wrong', (t) => {
  const board = new Board()
  board.swap(2, 1)
  const account = board.openAccount()
  const id = account.accept()
  account.answered(id, answer(1, 2), said(id, 2, 1))
  t.match(account.close(), { wrongGeneration: 1, problems: [/but 1\.0\.2 as g2/] })
  t.end()
})

t.test('a request without an answer is lost, a refused one has failed', (t) => {
  const board = new Board()
  board.swap(2, 1)
  const account = board.openAccount()
  account.accept()
  account.failed(account.accept())
  t.match(account.close(), { accepted: 2, lost: 1, failed: 1, wrongGeneration: 0 })
  t.end()
})

t.test('A1: a run that no answer accounts for shows as doubled', (t) => {
  const board = new Board()
  board.swap(2, 1)
  const account = board.openAccount()
  const [a, b] = [account.accept(), account.accept()]
  account.answered(a, answer(1, 2), said(a, 1, 1))
  account.answered(b, answer(1, 2), said(b, 1, 3))
  t.match(account.close(), { doubled: 1, lost: 0 })
  t.end()
})
