import t from 'tap'
import { Scope, inOrder } from '../../src/base/scope.ts'

t.test('S1: every caller of close gets the same promise', async (t) => {
  const scope = new Scope()
  let released = 0
  scope.defer(() => released++)
  const closed = scope.close()
  t.equal(scope.close(), closed)
  await closed
  t.equal(scope.close(), closed)
  t.equal(released, 1)
  t.equal(scope.closed, true)
})

t.test(
  'S2: releases run in reverse order, one after the other, each even if another threw',
  async (t) => {
    const scope = new Scope()
    const order: string[] = []
    const gate = Promise.withResolvers<void>()
    scope.defer(() => order.push('first'))
    scope.defer(async () => {
      order.push('second begins')
      await gate.promise
      order.push('second ends')
    })
    scope.defer(() => {
      throw new Error('third fails')
    })
    const closed = scope.close()
    gate.resolve()
    await t.rejects(closed, { message: 'third fails' })
    t.same(order, ['second begins', 'second ends', 'first'])
  },
)

t.test('several faults of a close come together', async (t) => {
  const scope = new Scope()
  for (const why of ['a', 'b']) {
    scope.defer(() => {
      throw new Error(why)
    })
  }
  const error: unknown = await scope.close().catch((fault: unknown) => fault)
  t.ok(error instanceof AggregateError)
  t.match(error, { errors: [{ message: 'b' }, { message: 'a' }] })
})

t.test('S3: close waits for work in the background, also for what that work begins', async (t) => {
  const scope = new Scope()
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  scope.background(
    first.promise.then(() => {
      order.push('first')
      scope.background(second.promise.then(() => order.push('second')))
    }),
  )
  scope.defer(() => order.push('released'))
  const closed = scope.close()
  t.equal(scope.signal.aborted, true, 'the work is told')
  first.resolve()
  second.resolve()
  await closed
  t.same(order, ['first', 'second', 'released'])
})

t.test('a fault in the background is reported, but not while closing', async (t) => {
  const faults: unknown[] = []
  const scope = new Scope((fault) => faults.push(fault))
  const early = new Error('early')
  scope.background(Promise.reject(early))
  await new Promise((resolve) => setImmediate(resolve))
  t.same(faults, [early])
  const late = Promise.withResolvers<void>()
  scope.background(late.promise)
  const closed = scope.close()
  late.reject(new Error('late'))
  await closed
  t.equal(faults.length, 1)
})

t.test('steps run in their order, each even if one before it threw', async (t) => {
  const order: string[] = []
  const fails = async (): Promise<never> => {
    order.push('fails')
    throw new Error('no')
  }
  await t.rejects(inOrder([() => order.push('first'), fails, () => order.push('last')]), {
    message: 'no',
  })
  t.same(order, ['first', 'fails', 'last'])
})
