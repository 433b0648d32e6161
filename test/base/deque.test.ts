import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { Deque } from '../../src/base/deque.ts'

type Step =
  | { readonly op: 'push' | 'unshift'; readonly count: number }
  | { readonly op: 'shift'; readonly count: number }
  | { readonly op: 'remove'; readonly at: number }
  | { readonly op: 'drain' | 'miss' }

const count = fc.integer({ min: 1, max: 40 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom('push', 'unshift'), count }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('shift'), count }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('remove'), at: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('drain', 'miss') }) },
)

t.test('a deque behaves as an array does', (t) => {
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const deque = new Deque<{ readonly n: number }>()
      let model: { readonly n: number }[] = []
      let n = 0
      for (const one of steps) {
        switch (one.op) {
          case 'push':
          case 'unshift':
            for (let i = 0; i < one.count; i++) {
              const item = { n: n++ }
              deque[one.op](item)
              model[one.op](item)
            }
            break
          case 'shift':
            for (let i = 0; i < one.count; i++) same(deque.shift(), model.shift())
            break
          case 'remove': {
            const item = model[one.at % Math.max(1, model.length)]
            if (item === undefined) break
            same(deque.remove(item), true)
            model = model.filter((other) => other !== item)
            break
          }
          case 'miss':
            same(deque.remove({ n: -1 }), false)
            break
          case 'drain':
            same(JSON.stringify(deque.drain()), JSON.stringify(model))
            model = []
            break
        }
        same(deque.size, model.length)
        same(deque.peek(), model[0])
      }
      same(JSON.stringify(deque.drain()), JSON.stringify(model))
      same(deque.size, 0)
    }),
    { numRuns: 300, seed: 7 },
  )
  t.end()
})

function same(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${String(found)} is not ${String(wanted)}`)
}

t.test('an empty deque gives nothing', (t) => {
  const deque = new Deque<number>()
  t.equal(deque.shift(), undefined)
  t.equal(deque.peek(), undefined)
  t.equal(deque.remove(1), false)
  t.same(deque.drain(), [])
  t.end()
})

t.test('what was taken out is not kept alive', (t) => {
  const deque = new Deque<object>()
  const [first, second] = [{}, {}]
  deque.push(first)
  deque.push(second)
  deque.remove(first)
  deque.shift()
  t.equal(deque.peek(), undefined)
  t.equal(deque.size, 0)
  t.end()
})
