import t from 'tap'
import { durationSchema, parseDuration } from '../../src/domain/duration.ts'

t.test('durations are read to milliseconds', (t) => {
  const cases: [string | number, number][] = [
    ['200ms', 200],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['1.1s', 1100],
    ['0.5ms', 0.5],
    ['0s', 0],
    [0, 0],
    [1500, 1500],
    ['365d', 31_536_000_000],
  ]
  for (const [text, ms] of cases) {
    t.equal(parseDuration(text), ms)
    t.equal(durationSchema.parse(text), ms)
  }
  t.end()
})

t.test('what is no duration is refused with the value and what to write', (t) => {
  const wrong = [
    '',
    's',
    '5',
    '5 s',
    '-5s',
    '1e3s',
    '5sec',
    '366d',
    '9'.repeat(400),
    -1,
    31_536_000_001,
    Infinity,
    NaN,
  ]
  for (const value of wrong) {
    t.throws(() => parseDuration(value, 'timeout'), {
      code: 'OPTION_INVALID',
      message: /option timeout .*write a number with a unit/,
    })
    t.notOk(durationSchema.safeParse(value).success)
  }
  t.match(
    durationSchema.safeParse('5sec').error?.issues[0]?.message,
    /"5sec" is not a duration: write/,
  )
  t.match(durationSchema.safeParse(null).error?.issues[0]?.message, /not a duration: write/)
  t.end()
})
