import t from 'tap'
import { parsePackageJson } from '../../src/domain/package-json.ts'

const running = { node: '26.1.0', headgate: '0.1.0' }

function parse(fields: object): ReturnType<typeof parsePackageJson> {
  const text = JSON.stringify({ name: 'alpha', version: '1.0.0', ...fields })
  return parsePackageJson(text, 'drop', running)
}

t.test('defaults are resolved when the headgate part is absent', (t) => {
  const parsed = parse({})
  t.same(parsed.options, {
    entry: null,
    threads: 1,
    concurrency: 64,
    drainTimeoutMs: 30_000,
    keepWarmMs: null,
    resourceLimits: {},
    permissions: { net: false, read: [], write: [], env: [] },
    promotion: null,
  })
  t.match(parsed, { name: 'alpha', description: null, author: null, type: 'commonjs' })
  t.end()
})

t.test('what an author writes is what is in force', (t) => {
  const { options, author } = parse({
    author: { name: 'Ada', email: 'ada@example.org' },
    headgate: {
      entry: 'main.ts',
      threads: 3,
      drainTimeout: '5s',
      keepWarm: 1500,
      resourceLimits: { maxOldGenerationSizeMb: 64 },
      permissions: { net: true, env: ['TZ'] },
      promotion: '^1.2.0',
    },
  })
  t.equal(author, 'Ada <ada@example.org>')
  t.match(options, { entry: 'main.ts', threads: 3, drainTimeoutMs: 5000, keepWarmMs: 1500 })
  t.same(options.resourceLimits, { maxOldGenerationSizeMb: 64 })
  t.same(options.permissions, { net: true, read: [], write: [], env: ['TZ'] })
  t.equal(options.promotion, '^1.2.0')
  t.end()
})

t.test('unknown keys of the headgate part are refused with the nearest names', (t) => {
  const code = 'PACKAGE_JSON_INVALID'
  t.throws(() => parse({ headgate: { tread: 2 } }), {
    code,
    message: /headgate\.tread; did you mean threads/,
  })
  t.throws(() => parse({ headgate: { permissions: { reads: [] } } }), {
    code,
    message: /headgate\.permissions\.reads; did you mean read/,
  })
  t.throws(() => parse({ headgate: { resourceLimits: { stackSizeMB: 4 } } }), {
    code,
    message: /did you mean stackSizeMb/,
  })
  t.doesNotThrow(() => parse({ scripts: {}, anything: 1 }), "the rest of package.json is npm's")
  t.end()
})

t.test('values out of range are refused with their path', (t) => {
  for (const part of [
    { threads: 0 },
    { threads: 65 },
    { threads: 1.5 },
    { concurrency: 1025 },
    { drainTimeout: 'soon' },
    { promotion: 'newest' },
    { promotion: '' },
    { entry: '' },
  ]) {
    const [key] = Object.keys(part)
    t.throws(() => parse({ headgate: part }), {
      code: 'PACKAGE_JSON_INVALID',
      message: new RegExp(`headgate\\.${key}`),
    })
  }
  t.throws(() => parse({ headgate: { resourceLimits: { maxOldGenerationSizeMb: 15 } } }), {
    code: 'LIMIT_TOO_LOW',
  })
  t.end()
})

t.test('names that are no names are refused', (t) => {
  const names = [
    '',
    'Alpha',
    '__proto__',
    'a::b',
    '../a',
    'a/b',
    '@a/b/c',
    '@/b',
    'é',
    'x'.repeat(65),
  ]
  for (const name of names) {
    t.throws(() => parse({ name }), { code: 'PACKAGE_JSON_INVALID' }, JSON.stringify(name))
  }
  t.equal(parse({ name: '@acme/billing' }).name, '@acme/billing')
  t.end()
})

t.test('a version is exact and has no build metadata', (t) => {
  for (const version of ['v1.2.3', '1.2.3\n', ' 1.2.3', '1.2', '^1.0.0', '1.0.0+a', '', '01.0.0']) {
    t.throws(() => parse({ version }), { code: 'VERSION_INVALID' }, JSON.stringify(version))
  }
  t.equal(parse({ version: '1.2.3-rc.1' }).version, '1.2.3-rc.1')
  t.end()
})

t.test('engines must be satisfied by what runs', (t) => {
  t.doesNotThrow(() => parse({ engines: { node: '>=24', headgate: '^0.1.0', npm: '>=99' } }))
  t.throws(() => parse({ engines: { node: '>=27' } }), {
    code: 'PACKAGE_JSON_INVALID',
    message: /engines\.node is >=27, but this is node 26\.1\.0/,
  })
  t.throws(() => parse({ engines: { headgate: '^2.0.0' } }), { code: 'PACKAGE_JSON_INVALID' })
  t.end()
})

t.test('hints at the entry come from exports, then main', (t) => {
  t.same(parse({ exports: './a.js', main: 'b.js' }).entryHints, ['./a.js', 'b.js'])
  t.same(parse({ exports: { '.': './a.js' } }).entryHints, ['./a.js'])
  t.same(parse({ exports: { '.': { import: './a.js' } } }).entryHints, [])
  t.end()
})

t.test('text that is not an object of JSON is refused', (t) => {
  for (const text of ['', '{', 'null', '[]', '"x"']) {
    t.throws(() => parsePackageJson(text, 'drop', running), { code: 'PACKAGE_JSON_INVALID' })
  }
  t.end()
})
