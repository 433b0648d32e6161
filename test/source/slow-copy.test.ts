/** Copies that take their time: cut after every file and at random bytes of each. */

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { holds } from '../helpers/property.ts'
import { makePlace, packageFiles, packed } from './drops.ts'
import { openLoop, SilentWatch } from './loop.ts'

const FILES = Object.entries(
  packed(
    packageFiles('alpha', '1.0.0', { 'src/deep/a.ts': 'export const a = 1\n', 'empty.txt': '' }),
  ),
)

const PLAIN = Object.entries(
  packageFiles('alpha', '1.0.0', { 'src/deep/a.ts': 'export const a = 1\n', 'b.txt': 'b' }),
)

t.test('a plain folder that stalls anywhere for some seconds ends as the whole version', (t) => {
  holds(
    t,
    fc.property(
      fc.shuffledSubarray(PLAIN, { minLength: PLAIN.length }),
      // The times of files stay behind the clock that is moved: all stalls together count.
      fc.array(fc.integer({ min: 0, max: 1600 }), { minLength: 4, maxLength: 4 }),
      (order, stalls) => {
        const teardowns: (() => void)[] = []
        const test = { teardown: (fn: () => void) => void teardowns.push(fn) }
        try {
          const place = makePlace(test)
          const loop = openLoop(test, place, new SilentWatch().watch)
          for (const [index, [path, text]] of order.entries()) {
            mkdirSync(dirname(join(place.path('alpha'), path)), { recursive: true })
            writeFileSync(join(place.path('alpha'), path), text)
            loop.clock.advance(stalls[index] ?? 0)
          }
          for (let turns = 0; turns < 8; turns++) loop.reconcile()
          const [last] = loop.staged.slice(-1)
          return last?.files === PLAIN.length && loop.standing().length === 0
        } finally {
          for (const teardown of teardowns.reverse()) teardown()
        }
      },
    ),
    { numRuns: 40 },
  )
  t.end()
})

t.test('a packed folder cut anywhere is never loaded half, and once when it is whole', (t) => {
  holds(
    t,
    fc.property(
      fc.shuffledSubarray(FILES, { minLength: FILES.length }),
      fc.array(fc.nat(), { minLength: FILES.length, maxLength: FILES.length }),
      (order, cuts) => {
        const teardowns: (() => void)[] = []
        const test = { teardown: (fn: () => void) => void teardowns.push(fn) }
        try {
          const place = makePlace(test)
          const loop = openLoop(test, place, new SilentWatch().watch)
          let pieces = 0
          for (const [index, [path, text]] of order.entries()) {
            const file = join(place.path('alpha'), path)
            const cut = (cuts[index] ?? 0) % (text.length + 1)
            mkdirSync(dirname(file), { recursive: true })
            writeFileSync(file, text.slice(0, cut))
            // Nothing moves for less than the quiet time: a plain folder would still be waited for.
            loop.clock.advance(100)
            if (loop.lines.some((line) => line.startsWith('staged')) && cut < text.length) {
              throw new Error(`staged with ${cut} of ${text.length} characters of ${path}`)
            }
            appendFileSync(file, text.slice(cut))
            pieces++
            loop.clock.advance(100)
            if (pieces < order.length && loop.lines.some((line) => line.startsWith('staged'))) {
              throw new Error(`staged with ${pieces} of ${order.length} files`)
            }
          }
          loop.reconcile()
          loop.reconcile()
          const told = loop.lines.filter((line) => !/^(incomplete|cleared) /.test(line))
          return told.join() === 'staged alpha alpha@1.0.0'
        } finally {
          for (const teardown of teardowns.reverse()) teardown()
        }
      },
    ),
    { numRuns: 60 },
  )
  t.end()
})
