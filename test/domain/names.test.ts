import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { checkName, isName, printable } from '../../src/domain/names.ts'

const HOSTILE = [
  '',
  '.',
  '..',
  '-a',
  '_a',
  '.hidden',
  'Foo',
  'a b',
  'a/b',
  'a\\b',
  'a::b',
  'a:b',
  'a\0b',
  'a\n',
  '\na',
  'a\u202eb',
  'раураl',
  'ａ',
  'é',
  '__proto__',
  '../../etc/passwd',
  '%2e%2e',
  '@scope',
  'a'.repeat(65),
]

t.test('names of the grammar pass unchanged', (t) => {
  for (const name of ['a', '0', 'analytics_pipeline', 'a.b-c_d', 'x'.repeat(64)]) {
    t.equal(checkName('task', name), name)
    t.equal(checkName('package', name), name)
  }
  t.end()
})

t.test('hostile names are refused for every kind', (t) => {
  for (const value of HOSTILE) {
    for (const kind of ['tenant', 'package', 'workflow', 'task'] as const) {
      t.throws(
        () => checkName(kind, value),
        { code: 'NAME_INVALID', details: { kind } },
        printable(value),
      )
    }
  }
  t.end()
})

t.test('only a package may have a scope, and both of its parts are names', (t) => {
  t.equal(checkName('package', '@acme/billing'), '@acme/billing')
  t.throws(() => checkName('tenant', '@acme/billing'), { code: 'NAME_INVALID' })
  for (const value of ['@/a', '@a/', '@a/b/c', '@A/b', '@a/B', '@@a/b', 'a/b', '@a/../b']) {
    t.throws(() => checkName('package', value), { code: 'NAME_INVALID' }, printable(value))
  }
  t.end()
})

t.test('what is not a string is no name', (t) => {
  for (const value of [null, undefined, 5, {}, ['a']]) t.notOk(isName('task', value))
  t.end()
})

t.test('a refused value is shown as short printable ASCII', (t) => {
  holds(
    t,
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const shown = printable(text)
      return /^[ -~]*$/.test(shown) && shown.length < 600
    }),
    { numRuns: 200 },
  )
  t.equal(printable('a\u001b[31m'), '"a\\u001b[31m"')
  t.end()
})

t.test('a name is never a key that an object has of itself or that two spellings share', (t) => {
  holds(
    t,
    fc.property(fc.string({ maxLength: 70 }), (text) => {
      if (!isName('task', text)) return true
      return text === text.toLowerCase() && text.normalize('NFKC') === text && text !== '__proto__'
    }),
    { numRuns: 300 },
  )
  t.end()
})
