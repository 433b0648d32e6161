import t from 'tap'
import { mixedSequence } from '../../bench/lib/mixed.ts'
import { checkEcho, makePayloads, type Payload } from '../../bench/lib/payloads.ts'
import { seeded } from '../../bench/lib/random.ts'

t.test('every competitor gets the same mixed sequence', (t) => {
  const sequence = mixedSequence(32_768)
  t.same(sequence, mixedSequence(32_768))
  t.not(mixedSequence(100, 1).join(), mixedSequence(100, 2).join())
  const longs = sequence.filter(Boolean).length
  t.ok(Math.abs(longs / sequence.length - 0.05) < 0.005, `${longs} long tasks`)
  t.end()
})

t.test('a seed repeats its numbers, all in [0, 1)', (t) => {
  const numbers = (seed: number): number[] => Array.from({ length: 1000 }, seeded(seed))
  t.same(numbers(7), numbers(7))
  t.not(String(numbers(7)), String(numbers(8)))
  t.ok(numbers(7).every((value) => value >= 0 && value < 1))
  t.end()
})

t.test('payloads are distinct objects of about 200 bytes', (t) => {
  const payloads = makePayloads(4096, 212)
  const texts = payloads.map((payload) => JSON.stringify(payload))
  t.equal(new Set(texts).size, 4096)
  t.equal(
    new Set(payloads.flatMap(({ user, tags, values }) => [user, tags, values])).size,
    3 * 4096,
  )
  for (const text of texts) {
    if (text.length < 170 || text.length > 230) t.fail(`${text.length} bytes: ${text}`)
  }
  t.same(payloads, makePayloads(4096, 212))
  t.end()
})

t.test('an answer that is not the input is found', (t) => {
  const [sent, other] = makePayloads(2, 1) as [Payload, Payload]
  checkEcho(sent, JSON.parse(JSON.stringify(sent)))
  for (const got of [other, null, undefined, 'text', { ...sent, values: [] }]) {
    t.throws(() => checkEcho(sent, got), /wrong answer/)
  }
  t.end()
})
