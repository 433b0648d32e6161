import fc from 'fast-check'
import t from 'tap'
import { RequestQueue } from '../../src/generation/request-queue.ts'
import { holds } from '../helpers/property.ts'

interface Item {
  readonly seq: number
  readonly depth: number
}

const depth = fc.integer({ min: 0, max: 16 })
const item = fc.record({ seq: fc.nat(20), depth: fc.oneof(fc.constant(0), depth) })
type Step =
  | { readonly op: 'push' | 'unshift'; readonly item: Item }
  | { readonly op: 'shift'; readonly least: number }
  | { readonly op: 'remove'; readonly at: number }
  | { readonly op: 'drain' }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constantFrom('push', 'unshift'), item }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('shift'), least: fc.oneof(fc.constant(0), depth) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove'), at: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('drain') }) },
)

/** Q1 and Q2 said again, over a list. */
function first(list: readonly Item[], least: number): Item | undefined {
  const heads = Array.from({ length: 17 }, (_, at) => list.find((one) => one.depth === at))
  return heads
    .slice(least)
    .filter((one) => one !== undefined)
    .reduce<Item | undefined>(
      (best, one) => (best === undefined || one.seq < best.seq ? one : best),
      undefined,
    )
}

t.test('Q1, Q2: what waits leaves by depth and seq as a list that is searched says', (t) => {
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new RequestQueue<Item>()
      let list: Item[] = []
      for (const one of steps) {
        switch (one.op) {
          case 'push':
          case 'unshift': {
            const fresh = { ...one.item }
            queue[one.op](fresh)
            list[one.op](fresh)
            break
          }
          case 'shift': {
            const expected = first(list, one.least)
            if (queue.peek(one.least) !== expected || queue.shift(one.least) !== expected)
              return false
            list = list.filter((other) => other !== expected)
            break
          }
          case 'remove': {
            const gone = list[one.at] ?? { seq: 0, depth: 1 }
            if (queue.remove(gone) !== list.includes(gone)) return false
            list = list.filter((other) => other !== gone)
            break
          }
          case 'drain':
            if (new Set(queue.drain()).symmetricDifference(new Set(list)).size > 0) return false
            list = []
            break
        }
        const nested = list.filter((other) => other.depth > 0)
        if (queue.size !== list.length || queue.nestedSize !== nested.length) return false
        if (queue.deepest !== Math.max(0, ...nested.map((other) => other.depth))) return false
      }
      return true
    }),
  )
  t.end()
})
