import fc from 'fast-check'
import t from 'tap'
import { JsonTooLarge, stringifyWithin } from '../../src/hosting/bounded-json.ts'
import { excerpt, FITS } from '../../src/hosting/excerpt.ts'
import { holds } from '../helpers/property.ts'

/** The text, or what was thrown. */
function outcome(write: () => string | undefined): unknown {
  try {
    return write()
  } catch (error) {
    return JsonTooLarge.is(error) ? 'too large' : String(error)
  }
}

const within = (value: unknown, limit: number): unknown =>
  outcome(() => stringifyWithin(value, limit))

t.test('what is within the limit is written as JSON.stringify writes it', (t) => {
  const odd = fc.oneof(
    fc.date({ noInvalidDate: false }),
    fc.bigInt(),
    fc.constant(undefined),
    fc.func(fc.nat()),
    fc.uint8Array({ maxLength: 5 }),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(Symbol('s'), new Map([[1, 2]]), /x/, new DataView(new ArrayBuffer(3))),
    fc.string().map((text) => ({ toJSON: (key: string) => [key, text] })),
    fc.string().map((text) => Object.create({ inherited: text }, {})),
  )
  const value = fc.oneof(
    fc.jsonValue(),
    fc.anything(),
    fc.array(odd),
    fc.dictionary(fc.string(), odd),
  )
  holds(
    t,
    fc.property(value, (one) => {
      const expected = outcome(() => JSON.stringify(one))
      return within(one, 0) === expected && within(one, Infinity) === expected
    }),
    { numRuns: 2_000 },
  )
  t.end()
})

t.test('what is far over the limit is refused whatever its form', (t) => {
  const over = 2 * FITS
  const huge = 'x'.repeat(over)
  const loop: unknown[] = [huge]
  loop.push(loop)
  const forms: Readonly<Record<string, unknown>> = {
    text: huge,
    deep: { a: [{ b: huge }] },
    shared: new Array(128).fill('y'.repeat(over / 128)),
    keys: { [huge]: 1 },
    'a sum of short texts': Array.from({ length: over / 8 }, () => 'eight___'),
    numbers: new Array(over).fill(1),
    'an array of nothing': new Array(over),
    toJSON: { toJSON: () => huge },
    getter: {
      get text() {
        return huge
      },
    },
    proxy: new Proxy({ huge }, {}),
    'an object that contains itself': loop,
    bytes: new Uint8Array(over),
    buffer: { body: Buffer.alloc(over) },
  }
  for (const [form, value] of Object.entries(forms)) {
    t.ok(within(value, 1_000) === 'too large', form)
    t.ok(within(value, over - 1) === 'too large', `${form}, limit`)
  }
  t.end()
})

t.test('a limit under what fits is for the caller to look at', (t) => {
  const text = 'x'.repeat(FITS - 2)
  t.equal(within(text, 10), JSON.stringify(text))
  t.equal(within(`${text}xyz`, 10), 'too large')
  t.equal(within(`${text}xyz`, 2 * FITS), JSON.stringify(`${text}xyz`))
  t.end()
})

t.test('what an object says while it is written is what counts', (t) => {
  let asked = 0
  const grows = {
    get text() {
      return 'x'.repeat(asked++ === 0 ? 1 : 2 * FITS)
    },
    toJSON: undefined,
    at: new Date(0),
  }
  // The Date makes it one to count, and the first look is over.
  t.equal(within(grows, 10), 'too large')
  t.end()
})

t.test('an excerpt is the beginning, or how long the text is', (t) => {
  t.equal(excerpt('abcdef', 3), 'abc')
  t.equal(excerpt('ab', 3), 'ab')
  t.equal(excerpt('x'.repeat(FITS), 2), 'xx')
  t.equal(excerpt('x'.repeat(FITS + 1), 2), `(a text of ${FITS + 1} characters)`)
  t.end()
})
