import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { callError, retryFacts } from '../../src/hosting/call-error.ts'

t.test('a task’s own fault becomes TASK_FAILED with all that is known of it', (t) => {
  const fault = {
    code: 'TASK_FAILED',
    message: 'no more tea',
    terminal: true,
    name: 'StockError',
    cause: 'OUT_OF_STOCK',
    data: { left: 0 },
    stack: 'StockError: no more tea',
  }
  t.same(callError(fault, 'w::pour').toRecord(), {
    code: 'TASK_FAILED',
    message: 'task pour failed: no more tea',
    retryable: false,
    details: {
      task: 'pour',
      why: 'no more tea',
      cause: 'OUT_OF_STOCK',
      name: 'StockError',
      data: { left: 0 },
      stack: 'StockError: no more tea',
      terminal: true,
    },
  })
  const bare = callError({ code: 'TASK_FAILED', message: 'x', terminal: false }, 'w::pour')
  t.same(Object.keys(bare.details), ['task', 'why', 'terminal'])
  t.end()
})

t.test('what the thread refused keeps its own code', (t) => {
  const refused = (code: string, more = {}): HeadgateError =>
    callError({ code, message: 'because', terminal: true, ...more }, 'w::t')
  for (const code of ['INPUT_INVALID', 'INPUT_NOT_JSON', 'NOT_SERIALISABLE']) {
    t.match(refused(code), { code, message: /because/ })
  }
  t.match(refused('RESULT_TOO_LARGE', { bytes: 9, limit: 8 }), {
    code: 'RESULT_TOO_LARGE',
    message: 'task t returned 9 bytes, over the limit of 8 bytes',
  })
  const lost = new HeadgateError('WORKER_LOST', { task: 't', why: 'out of memory' })
  t.equal(callError(lost, 'w::t'), lost)
  t.end()
})

t.test('a policy sees the author’s code, and a timeout among its own', (t) => {
  const fault = { code: 'TASK_FAILED', message: 'x', terminal: false }
  const any = { retryOn: null }
  t.match(retryFacts({ ...fault, cause: 'BUSY' }, any), { code: 'BUSY', terminal: false })
  t.match(retryFacts(fault, any), { code: 'TASK_FAILED', terminal: false })
  t.match(retryFacts({ ...fault, terminal: true }, any), { terminal: true })
  const timeout = new HeadgateError('TASK_TIMEOUT', { task: 't', timeoutMs: 1 })
  t.match(retryFacts(timeout, any), { code: 'TASK_TIMEOUT', terminal: false })
  t.end()
})

t.test('a lost thread is retried only where its code is named, an ended generation never', (t) => {
  const codes = ['WORKER_LOST', 'GENERATION_TERMINATED', 'CRASH_LOOP'] as const
  const terminal = (
    policy: { readonly retryOn: readonly string[] | null } | undefined,
  ): boolean[] => codes.map((code) => retryFacts(new HeadgateError(code), policy).terminal)
  t.same(terminal(undefined), [true, true, true])
  t.same(terminal({ retryOn: null }), [true, true, true])
  t.same(terminal({ retryOn: ['BUSY'] }), [true, true, true])
  t.same(terminal({ retryOn: ['BUSY', ...codes] }), [false, true, true])
  t.end()
})
