import { getEventListeners } from 'node:events'
import t from 'tap'
import { TypedEmitter } from '../../src/base/events.ts'

interface Events {
  number: number
  text: string
}

t.test('a listener that throws breaks neither the emitter nor the others', (t) => {
  const faults: unknown[] = []
  const emitter = new TypedEmitter<Events>((fault) => faults.push(fault))
  const heard: number[] = []
  const fault = new Error('mine')
  emitter.on('number', () => {
    throw fault
  })
  emitter.on('number', (n) => heard.push(n))
  emitter.emit('number', 1)
  emitter.emit('number', 2)
  t.same(heard, [1, 2])
  t.same(faults, [fault, fault])
  t.doesNotThrow(() => {
    const silent = new TypedEmitter<Events>()
    silent.on('text', () => {
      throw fault
    })
    silent.emit('text', 'x')
  }, 'also without anyone to tell')
  t.end()
})

t.test('a listener that was taken off hears nothing, also while an event is told', (t) => {
  const emitter = new TypedEmitter<Events>()
  const heard: string[] = []
  const offs = [
    emitter.on('text', () => {
      heard.push('first')
      offs[1]?.()
    }),
    emitter.on('text', () => heard.push('second')),
  ]
  emitter.emit('text', 'x')
  offs[0]?.()
  offs[0]?.()
  emitter.emit('text', 'x')
  t.same(heard, ['first'])
  t.end()
})

t.test('once resolves with the first event it accepts', async (t) => {
  const emitter = new TypedEmitter<Events>()
  const { signal } = new AbortController()
  const even = emitter.once('number', (n) => n % 2 === 0, signal)
  for (const n of [1, 2, 4]) emitter.emit('number', n)
  t.equal(await even, 2)
  t.equal(getEventListeners(signal, 'abort').length, 0, 'the signal is let go of')
})

t.test('once is given up by its signal', async (t) => {
  const emitter = new TypedEmitter<Events>()
  const controller = new AbortController()
  const reason = new Error('gone')
  const waiting = emitter.once('text', undefined, controller.signal)
  controller.abort(reason)
  await t.rejects(waiting, reason)
  await t.rejects(emitter.once('text', undefined, controller.signal), reason)
  emitter.emit('text', 'nobody hears it')
})
