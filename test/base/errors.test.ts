import t from 'tap'
import { HeadgateError, messageOf } from '../../src/base/errors.ts'

t.test('an error fills its sentence from its details and keeps its code', (t) => {
  const error = new HeadgateError('PORT_IN_USE', { port: 7420, host: '127.0.0.1' })
  t.equal(error.code, 'PORT_IN_USE')
  t.match(error.message, 'port 7420 on 127.0.0.1 is in use')
  t.same(HeadgateError.fromRecord(error.toRecord()).toRecord(), error.toRecord())
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
  t.end()
})
