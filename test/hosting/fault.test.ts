import t from 'tap'
import { faultOf } from '../../src/hosting/fault.ts'
import { TerminalError } from '../../src/sdk/terminal-error.ts'

t.test('an error keeps name, code, message, stack and data', (t) => {
  const error = Object.assign(new RangeError('too far'), { code: 'FAR', data: { by: 3 } })
  t.match(faultOf(error), {
    code: 'TASK_FAILED',
    name: 'RangeError',
    cause: 'FAR',
    message: 'too far',
    terminal: false,
    data: { by: 3 },
    stack: /too far/,
  })
  t.end()
})

t.test('a cause is told, once, by its message or its code', (t) => {
  const message = (cause: unknown): string => faultOf(new Error('fetch failed', { cause })).message
  t.equal(message(new Error('connect ECONNREFUSED')), 'fetch failed: connect ECONNREFUSED')
  const several = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
  t.equal(message(several), 'fetch failed: ECONNREFUSED')
  t.equal(message(new Error('failed')), 'fetch failed')
  t.equal(message('a text'), 'fetch failed')
  const trapped = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('trap')
    },
  })
  t.equal(message(trapped), 'fetch failed')
  t.end()
})

t.test('a TerminalError is terminal, that of another copy of the SDK as well', (t) => {
  t.equal(faultOf(new TerminalError('X', 'why')).terminal, true)
  const other = Object.assign(new Error('why'), { [Symbol.for('headgate.terminal')]: true })
  t.equal(faultOf(other).terminal, true)
  t.end()
})

const trap = new Proxy(
  {},
  {
    get: () => {
      throw new Error('trap')
    },
  },
)
const WEIRD: Readonly<Record<string, unknown>> = {
  null: null,
  undefined,
  'a number': 7,
  'a text': 'why',
  'a symbol': Symbol('why'),
  'a function': () => {},
  'an object without prototype': Object.create(null),
  'a Proxy all of whose traps throw': new Proxy({}, trap),
  'an error with throwing getters': Object.defineProperties(
    new Error('x'),
    Object.fromEntries(
      ['message', 'name', 'stack', 'code', 'data'].map((key) => [
        key,
        {
          get: () => {
            throw new Error('getter')
          },
        },
      ]),
    ),
  ),
  'an error with texts that are none': Object.assign(new Error('x'), {
    message: 7,
    name: {},
    stack: null,
    code: Symbol('c'),
  }),
  'data that is a cycle': Object.assign(new Error('x'), { data: globalThis }),
}
for (const [what, thrown] of Object.entries(WEIRD)) {
  t.test(`thrown ${what} becomes a plain record`, (t) => {
    const fault = faultOf(thrown)
    t.equal(fault.code, 'TASK_FAILED')
    t.type(fault.message, 'string')
    t.ok(fault.message.length > 0)
    t.equal(fault.terminal, false)
    t.same(JSON.parse(JSON.stringify(fault)), fault)
    t.end()
  })
}

t.test('texts are cut, and data over its limit is left out', (t) => {
  const long = 'x'.repeat(1e6)
  const error = Object.assign(new Error(long), { name: long, code: long, data: [long] })
  const fault = faultOf(error)
  t.ok(JSON.stringify(fault).length < 20_000)
  t.notOk('data' in fault)
  t.same(
    faultOf(Object.assign(new Error('x'), { data: 'y'.repeat(60_000) })).data?.toString().length,
    60_000,
  )
  t.end()
})
