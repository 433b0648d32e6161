import { getEventListeners } from 'node:events'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { Cancellable } from '../../src/engine/cancellable.ts'
import type { Settle } from '../../src/engine/surroundings.ts'

function caller(): { settle: Settle; told: string[] } {
  const told: string[] = []
  return {
    told,
    settle: {
      ok: (json) => told.push(`ok ${json}`),
      failed: (error, _serving, epoch) => told.push(`${error.code} at ${epoch}`),
    },
  }
}

t.test('until there is a call, the answer itself is the end', (t) => {
  const { settle, told } = caller()
  const controller = new AbortController()
  const cancellable = new Cancellable(controller.signal, settle, () => 7)
  controller.abort(new Error('enough'))
  t.same(told, ['TASK_ABORTED at 7'])
  t.equal(cancellable.settled, true)
  t.end()
})

t.test('a call that runs is told, and gives the answer itself', (t) => {
  const { settle, told } = caller()
  const controller = new AbortController()
  const cancellable = new Cancellable(controller.signal, settle, () => 7)
  const errors: HeadgateError[] = []
  cancellable.onCancel((error) => errors.push(error))
  controller.abort(new Error('enough'))
  t.match(errors, [{ code: 'TASK_ABORTED', message: 'the call was cancelled: enough' }])
  t.same(told, [])
  t.equal(cancellable.settled, false)
  t.end()
})

t.test('after an answer the signal is let go of', (t) => {
  for (const answer of ['ok', 'failed'] as const) {
    const { settle, told } = caller()
    const controller = new AbortController()
    const cancellable = new Cancellable(controller.signal, settle, () => 7)
    if (answer === 'ok') cancellable.ok('1', {} as never, 3)
    else cancellable.failed(new HeadgateError('QUEUE_FULL'), undefined, 3)
    t.equal(getEventListeners(controller.signal, 'abort').length, 0)
    controller.abort()
    t.same(told, [answer === 'ok' ? 'ok 1' : 'QUEUE_FULL at 3'])
  }
  t.end()
})
