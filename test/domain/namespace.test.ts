import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { formatNamespace, formatScoped, parseNamespace } from '../../src/domain/namespace.ts'

const part = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/)
const packageName = fc.oneof(
  part,
  fc.tuple(part, part).map(([scope, name]) => `@${scope}/${name}`),
)

t.test('every namespace is read back as it was written', (t) => {
  holds(
    t,
    fc.property(
      fc.record({
        tenant: part,
        package: packageName,
        workflow: part,
        task: fc.option(part, { nil: null }),
      }),
      (namespace) => {
        const read = parseNamespace(formatNamespace(namespace))
        return JSON.stringify(read) === JSON.stringify(namespace)
      },
    ),
    { numRuns: 200 },
  )
  t.end()
})

t.test('what is read is written back as it was, or refused with NAMESPACE_INVALID', (t) => {
  const soup = fc.array(fc.constantFrom('a', 'B', ':', '::', '@', '/', '#', '', '\0', 'x1', 'é'), {
    maxLength: 14,
  })
  holds(
    t,
    fc.property(soup, (pieces) => {
      const text = pieces.join('')
      try {
        return formatNamespace(parseNamespace(text)) === text
      } catch (error) {
        return Reflect.get(error as object, 'code') === 'NAMESPACE_INVALID'
      }
    }),
    { numRuns: 500 },
  )
  t.end()
})

t.test('a refusal says what was wrong', (t) => {
  const why = (text: string, pattern: RegExp): void => {
    t.throws(() => parseNamespace(text), { code: 'NAMESPACE_INVALID', message: pattern }, text)
  }
  why('public::analytics', /2 parts/)
  why('public::a::b::c::d::e', /6 parts/)
  why('public::::b', /the package is empty/)
  why('public::a::b::', /the task is empty/)
  why('public::a::B', /the workflow "B" is not a name/)
  why('public::a@1.2.0#7::b', /the version is an option of the call/)
  why('public::@acme/a@1.2.0::b', /the version is an option of the call/)
  why('public::__proto__::b', /the package "__proto__"/)
  why('x'.repeat(100_000), /100000 characters/)
  t.throws(() => parseNamespace(undefined as unknown as string), { code: 'NAMESPACE_INVALID' })
  t.end()
})

t.test('a scoped namespace carries version and generation', (t) => {
  const namespace = parseNamespace('public::@acme/analytics::hourly::extract')
  t.equal(formatScoped(namespace, '1.2.0', 7), 'public::@acme/analytics@1.2.0#7::hourly::extract')
  t.equal(
    formatScoped({ ...namespace, task: null }, '1.2.0', 7),
    'public::@acme/analytics@1.2.0#7::hourly',
  )
  t.end()
})
