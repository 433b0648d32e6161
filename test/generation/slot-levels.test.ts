import fc from 'fast-check'
import t from 'tap'
import { NESTING_LIMIT } from '../../src/domain/call-depth.ts'
import { SlotLevels } from '../../src/generation/slot-levels.ts'
import { holds } from '../helpers/property.ts'

const concurrency = fc.integer({ min: 1, max: 1024 })

t.test('V2: as many calls of depth 0 as may run at once find a slot', (t) => {
  holds(
    t,
    fc.property(concurrency, (count) => {
      const levels = new SlotLevels(count)
      let free = levels.slots
      for (let taken = 0; taken < count; taken++) {
        if (levels.outermost(free) < 1 || levels.least(free) !== 0) return false
        free--
      }
      return true
    }),
  )
  t.end()
})

t.test('V1: each depth finds a slot where the one before finds none, down to the last', (t) => {
  holds(
    t,
    fc.property(concurrency, (count) => {
      const levels = new SlotLevels(count)
      const met = new Set<number>()
      let before = 0
      for (let free = levels.slots; free > 0; free--) {
        const least = levels.least(free)
        if (least < before || least > NESTING_LIMIT) return false
        before = least
        met.add(least)
      }
      return met.size === NESTING_LIMIT + 1 && levels.least(0) > NESTING_LIMIT
    }),
  )
  t.end()
})

/** A call of a package that calls others: one after the other, or all at once. */
interface Tree {
  readonly package: number
  readonly atOnce: boolean
  readonly calls: readonly Tree[]
}

interface LaneModel {
  readonly levels: SlotLevels
  /** Calls that may run at once. */
  readonly most: number
  free: number
  running: number
}

/** A run of calls over packages that have one lane each; every step of it is drawn. */
class Model {
  readonly #lanes: readonly LaneModel[]
  readonly #waiting: { readonly tree: Tree; readonly depth: number; readonly ended: () => void }[] =
    []
  /** What may happen next, in any order. */
  readonly #steps: (() => void)[] = []
  ended = 0

  constructor(concurrencies: readonly number[]) {
    this.#lanes = concurrencies.map((most) => {
      const levels = new SlotLevels(most)
      return { levels, free: levels.slots, running: 0, most }
    })
  }

  call(tree: Tree, depth = 0, ended: () => void = () => this.ended++): void {
    this.#waiting.push({ tree, depth, ended })
  }

  /** Until nothing can happen any more. */
  run(draw: () => number): void {
    for (;;) {
      this.#admit()
      const [step] = this.#steps.splice(Math.floor(draw() * this.#steps.length), 1)
      if (step === undefined) return
      step()
    }
  }

  #admit(): void {
    for (const call of [...this.#waiting]) {
      const lane = this.#lane(call.tree)
      if (lane.running >= lane.most || lane.levels.least(lane.free) > call.depth) continue
      this.#waiting.splice(this.#waiting.indexOf(call), 1)
      lane.free--
      lane.running++
      this.#steps.push(() => this.#next(call.tree, call.depth, [...call.tree.calls], call.ended))
    }
  }

  #next(tree: Tree, depth: number, left: Tree[], ended: () => void): void {
    const lane = this.#lane(tree)
    lane.running--
    const calls = left.splice(0, tree.atOnce ? left.length : 1)
    if (calls.length === 0) {
      lane.free++
      ended()
      return
    }
    let open = calls.length
    for (const one of calls) {
      this.call(one, depth + 1, () => {
        if (--open > 0) return
        lane.running++
        this.#steps.push(() => this.#next(tree, depth, left, ended))
      })
    }
  }

  #lane({ package: at }: Tree): LaneModel {
    return this.#lanes[at % this.#lanes.length] as LaneModel
  }
}

const chain = (packages: readonly number[]): Tree =>
  packages.reduceRight<Tree>((inner, one) => ({ package: one, atOnce: false, calls: [inner] }), {
    package: 0,
    atOnce: false,
    calls: [],
  })
const chains = fc
  .array(fc.integer({ min: 0, max: 2 }), { minLength: NESTING_LIMIT, maxLength: NESTING_LIMIT })
  .map(chain)
const { tree: trees } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    package: fc.integer({ min: 0, max: 2 }),
    atOnce: fc.boolean(),
    calls: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constant([]),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }),
}))

t.test('V1: calls that call each other over packages all end, in whatever order', (t) => {
  holds(
    t,
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
      fc.oneof(chains, trees),
      fc.integer({ min: 1, max: 60 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (concurrencies, tree, count, draws) => {
        const model = new Model(concurrencies)
        for (let i = 0; i < count; i++) model.call(tree)
        model.run(() => draws.next().value ?? 0)
        return model.ended === count
      },
    ),
  )
  t.end()
})
