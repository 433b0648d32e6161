import t from 'tap'
import { HeadgateError, messageOf, toHeadgateError } from '../../src/base/errors.ts'

t.test('an error fills its sentence from its details and keeps its code', (t) => {
  const error = new HeadgateError('PORT_IN_USE', { port: 7420, host: '127.0.0.1' })
  t.equal(error.code, 'PORT_IN_USE')
  t.match(error.message, 'port 7420 on 127.0.0.1 is in use')
  t.same(HeadgateError.fromRecord(error.toRecord()).toRecord(), error.toRecord())
  t.end()
})

t.test('a value that is missing leaves its place empty', (t) => {
  const error = new HeadgateError('UNKNOWN_PACKAGE', { tenant: 'acme', package: 'p' })
  t.equal(error.message, 'tenant acme has no package p')
  t.equal(error.status, 404)
  t.equal(error.retryable, false)
  t.end()
})

t.test('a list in the details is told in the sentence and stays a list for programs', (t) => {
  const noMatch = (present: string[]): HeadgateError =>
    new HeadgateError('NO_MATCHING_VERSION', { package: 'p', wanted: '^2', present })
  t.equal(noMatch(['1.1.0', '1.0.0']).message, 'no version of p matches ^2; present: 1.1.0, 1.0.0')
  t.same(noMatch(['1.1.0']).details, { package: 'p', wanted: '^2', present: ['1.1.0'] })
  t.equal(noMatch([]).message, 'no version of p matches ^2; present: none')

  const unknown = (nearest: string[]): HeadgateError =>
    new HeadgateError('UNKNOWN_PACKAGE', { tenant: 'acme', package: 'mial', nearest })
  t.equal(
    unknown(['mail', 'main']).message,
    'tenant acme has no package mial; did you mean mail, main?',
  )
  t.equal(unknown([]).message, 'tenant acme has no package mial')
  t.same(unknown(['mail']).details['nearest'], ['mail'])
  t.end()
})

t.test('a light error is the same without a stack, and leaves stacks to others', (t) => {
  const light = HeadgateError.light('QUEUE_FULL', { tenant: 'acme', package: 'p', limit: 10 })
  const full = new HeadgateError('QUEUE_FULL', { tenant: 'acme', package: 'p', limit: 10 })
  t.same(light.toRecord(), full.toRecord())
  t.ok(light instanceof HeadgateError)
  t.notMatch(light.stack, /\n {4}at /)
  t.match(full.stack, /\n {4}at /)
  t.end()
})

t.test('a record of a newer headgate is still an error', (t) => {
  const error = HeadgateError.fromRecord({
    code: 'NEW_CODE',
    message: 'of tomorrow',
    retryable: true,
  })
  t.match(error, { code: 'INTERNAL', message: /NEW_CODE: of tomorrow/ })
  t.end()
})

t.test('foreign errors become INTERNAL and keep their cause, own ones stay', (t) => {
  const own = new HeadgateError('EXECUTOR_CLOSING')
  t.equal(toHeadgateError(own), own)
  const foreign = new TypeError('x is not a function')
  const wrapped = toHeadgateError(foreign)
  t.match(wrapped, { code: 'INTERNAL', message: /x is not a function/ })
  t.equal(wrapped.cause, foreign)
  t.end()
})

t.test('a message is read of whatever was thrown', (t) => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
    },
  )
  t.type(messageOf(hostile), 'string')
  t.equal(messageOf(null), 'thrown value: null')
  t.equal(messageOf(new Error('x')), 'x')
  t.equal(messageOf(new TypeError()), 'TypeError')
  t.end()
})
