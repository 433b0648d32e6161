import t from 'tap'
import { OutgoingCalls } from '../../src/generation/thread/outgoing-calls.ts'
import { NotedPort } from './thread-parts.ts'

function open(): { readonly port: NotedPort; readonly calls: OutgoingCalls } {
  const port = new NotedPort()
  return { port, calls: new OutgoingCalls(port, 1024) }
}

t.test('a call says which call makes it, and nothing for no input', async (t) => {
  const { port, calls } = open()
  const answers = [
    calls.begin(3, 103, 'public::p::w', undefined, null),
    calls.begin(4, 104, 'public::p::w', null, '^1'),
  ]
  t.match(port.messages, [
    {
      type: 'invoke',
      slot: 3,
      id: 103,
      call: 1,
      namespace: 'public::p::w',
      body: '',
      version: null,
    },
    { type: 'invoke', slot: 4, id: 104, call: 2, body: 'null', version: '^1' },
  ])
  calls.ended({ type: 'invokeResult', call: 2, json: '[2]', error: null })
  calls.ended({ type: 'invokeResult', call: 1, json: '"one"', error: null })
  calls.ended({ type: 'invokeResult', call: 1, json: '"twice"', error: null })
  t.same(await Promise.all(answers), ['one', [2]])
})

t.test('what cannot travel is refused before anything is sent', async (t) => {
  const { port, calls } = open()
  await t.rejects(calls.begin(0, 1, 'public::p::w', 1n, null), { code: 'INPUT_NOT_JSON' })
  t.same(port.messages, [])
})

t.test('a failure comes with all that its record says, a forged result as a failure', async (t) => {
  const { calls } = open()
  const failed = calls.begin(0, 1, 'public::p::w', 1, null)
  const forged = calls.begin(0, 1, 'public::p::w', 1, null)
  const error = {
    code: 'TASK_FAILED',
    message: 'task x failed: none today',
    retryable: false,
    details: { cause: 'NO_FLIGHTS', data: { day: 3 } },
  }
  calls.ended({ type: 'invokeResult', call: 1, json: null, error })
  calls.ended({ type: 'invokeResult', call: 2, json: '{', error: null })
  await t.rejects(failed, { name: 'HeadgateError', ...error })
  await t.rejects(forged, { code: 'NOT_SERIALISABLE', details: { task: 'public::p::w' } })
})
