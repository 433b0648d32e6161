import t, { type Test } from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import type { Settle, Surroundings } from '../../src/engine/surroundings.ts'
import { TaskCall } from '../../src/engine/task-call.ts'
import { WorkflowCall } from '../../src/engine/workflow-call.ts'
import type { SwapReceipt } from '../../src/store/store.ts'
import { type Controlled, openController } from './controller-harness.ts'

const surroundings = { epoch: () => 1, closing: () => false } as Surroundings
const answered: Settle = { ok: () => {}, failed: () => {} }
const forgotten: Settle = {
  ok: () => {
    throw new Error('the answer went nowhere')
  },
  failed: () => {
    throw new Error('the failure went nowhere')
  },
}
const terminated = new HeadgateError('GENERATION_TERMINATED', { task: 't', generation: 'g1' })

/** A swap from 1.0.0, which holds `calls` calls. */
async function swapped(
  t: Test,
  settles: readonly Settle[],
): Promise<{ readonly opened: Controlled; readonly calls: TaskCall[]; last(): SwapReceipt }> {
  const opened = await openController(t)
  const { drop, idle, generation, receipts } = opened
  drop('1.0.0')
  await idle()
  const calls = settles.map(
    (settle, seq) =>
      new TaskCall(seq, 'w::t', '', settle, surroundings, undefined, generation('1.0.0')),
  )
  drop('2.0.0')
  await idle()
  const last = (): SwapReceipt => {
    const receipt = receipts.at(-1)
    if (receipt === undefined) throw new Error('no receipt')
    return receipt
  }
  t.match(last(), { inFlightAtSwap: settles.length, drained: null, lost: null })
  return { opened, calls, last }
}

t.test('a call whose caller was answered is not lost, however it ended', async (t) => {
  const { calls, last } = await swapped(t, [answered, answered, answered])
  calls[0]?.onSuccess('1')
  calls[1]?.onFailure(new HeadgateError('WORKER_LOST', { task: 't', why: 'a test' }))
  t.equal(last().drained, null, 'one is out still')
  calls[2]?.onFailure(terminated)
  t.match(last(), { drained: 2, killed: 1, lost: 0 })
})

t.test('a call that was released without its caller being answered shows as lost', async (t) => {
  const { calls, last } = await swapped(t, [answered, forgotten, forgotten])
  calls[0]?.onSuccess('1')
  t.throws(() => calls[1]?.onSuccess('1'), { message: 'the answer went nowhere' })
  t.throws(() => calls[2]?.onFailure(terminated), { message: 'the failure went nowhere' })
  t.match(last(), { drained: 2, killed: 1, lost: 2 })
})

t.test('what moved to the new version is neither drained nor lost', async (t) => {
  const opened = await openController(t)
  const { drop, idle, generation, receipts } = opened
  drop('1.0.0')
  await idle()
  const call = new TaskCall(1, 'w::t', '', answered, surroundings, undefined)
  call.onBound(generation('1.0.0'))
  drop('2.0.0')
  await idle()
  call.onMoved()
  t.match(receipts.at(-1), { inFlightAtSwap: 1, moved: 1, drained: 0, killed: 0, lost: 0 })
})

t.test('a receipt is complete only when a quarantined version has ended', async (t) => {
  const { opened, calls, last } = await swapped(t, [answered])
  const { generation } = opened
  const old = generation('1.0.0')
  old.take('crashLoop', 'a test')
  old.take('retire', 'a test')
  t.equal(old.state, 'retired')
  t.equal(last().drained, null, 'its threads and their calls are ended now')
  calls[0]?.onFailure(terminated)
  t.match(last(), { killed: 1, lost: 0 })
})

t.test('a workflow that ended before it was bound is in nobody’s ledger', (t) => {
  let failed = 0
  const settle: Settle = { ...answered, failed: () => void failed++ }
  new WorkflowCall(1, 'w', '', settle, surroundings, undefined).onFailure(terminated)
  t.equal(failed, 1)
  t.end()
})
