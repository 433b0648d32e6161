import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import {
  mayRetry,
  NO_RETRY,
  type RetryPolicy,
  retryDelay,
  retrySchema,
} from '../../src/domain/retry.ts'

const message = (raw: unknown): string =>
  retrySchema.safeParse(raw).error?.issues[0]?.message ?? 'accepted'

t.test('an empty call is the default policy', (t) => {
  t.same(retrySchema.parse({}), {
    attempts: 3,
    backoff: 'exponential',
    delayMs: 1000,
    maxDelayMs: 30_000,
    jitter: true,
    retryOn: null,
  })
  t.end()
})

t.test('what an author declares is what is in force', (t) => {
  const policy = retrySchema.parse({
    attempts: 5,
    backoff: 'linear',
    delay: '2s',
    maxDelay: '1m',
    jitter: false,
    retryOn: ['TRANSIENT'],
  })
  t.same(policy, {
    attempts: 5,
    backoff: 'linear',
    delayMs: 2000,
    maxDelayMs: 60_000,
    jitter: false,
    retryOn: ['TRANSIENT'],
  })
  t.equal(retrySchema.parse({ delay: '5m' }).maxDelayMs, 300_000, 'not cut by the default cap')
  t.end()
})

t.test('wrong calls are refused in words', (t) => {
  t.match(message({ atempts: 3 }), /unknown key "atempts"; did you mean attempts\?/)
  t.match(message({ delay: '2s', maxDelay: '1s' }), /maxDelay \(1000 ms\) is shorter than delay/)
  t.match(message({ retryOn: [] }), /name at least one error code/)
  t.match(message({ delay: 'soon' }), /"soon" is not a duration/)
  for (const attempts of [0, 101, 1.5, '3', null]) t.not(message({ attempts }), 'accepted')
  t.not(message({ backoff: 'quadratic' }), 'accepted')
  t.not(message({ jitter: 'yes' }), 'accepted')
  t.end()
})

t.test('the three backoffs grow as named and stop at the cap', (t) => {
  const policy: RetryPolicy = {
    ...NO_RETRY,
    attempts: 100,
    delayMs: 100,
    maxDelayMs: 1000,
    jitter: false,
  }
  const delays = (backoff: RetryPolicy['backoff']): number[] =>
    [1, 2, 3, 4, 5, 99].map((attempt) => retryDelay({ ...policy, backoff }, attempt, 0.5))
  t.same(delays('fixed'), [100, 100, 100, 100, 100, 100])
  t.same(delays('linear'), [100, 200, 300, 400, 500, 1000])
  t.same(delays('exponential'), [100, 200, 400, 800, 1000, 1000])
  t.end()
})

t.test('jitter spreads by a quarter and never passes the cap', (t) => {
  const policy: RetryPolicy = { ...NO_RETRY, delayMs: 100, maxDelayMs: 1000 }
  t.equal(retryDelay(policy, 1, 0), 75)
  t.equal(retryDelay(policy, 1, 0.5), 100)
  t.equal(retryDelay(policy, 50, 0), 750, 'spread at the cap too')
  holds(
    t,
    fc.property(
      fc.record({
        attempts: fc.constant(100),
        backoff: fc.constantFrom('fixed' as const, 'linear' as const, 'exponential' as const),
        delayMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
        maxDelayMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
        jitter: fc.boolean(),
        retryOn: fc.constant(null),
      }),
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (drawn, attempt, random) => {
        const ms = retryDelay(drawn, attempt, random)
        return ms >= 0 && ms <= drawn.maxDelayMs
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})

t.test('terminal errors, the last attempt and codes not named are not retried', (t) => {
  const policy = retrySchema.parse({ attempts: 3 })
  const error = { code: 'TRANSIENT', terminal: false }
  t.ok(mayRetry(policy, 1, error))
  t.ok(mayRetry(policy, 2, error))
  t.notOk(mayRetry(policy, 3, error))
  t.notOk(mayRetry(policy, 1, { ...error, terminal: true }))
  t.notOk(mayRetry(NO_RETRY, 1, error))
  t.notOk(mayRetry({ ...policy, retryOn: ['OTHER'] }, 1, error))
  t.ok(mayRetry({ ...policy, retryOn: ['OTHER', 'TRANSIENT'] }, 1, error))
  t.end()
})
