import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { firstDifference } from '../../src/domain/declared.ts'
import { fileListDigest } from '../../src/domain/digest.ts'
import { claimsOf, interfaceOfManifest, requireClaims } from '../../src/domain/manifest-claims.ts'
import { manifestChecksum, manifestText, parseManifest } from '../../src/domain/manifest.ts'
import { parsePackageJson } from '../../src/domain/package-json.ts'
import { signManifest } from '../../src/domain/signature.ts'
import { makeKeys } from '../helpers/keys.ts'
import { holds } from '../helpers/property.ts'

const PACKAGE_JSON = parsePackageJson(
  JSON.stringify({ name: 'p', version: '1.2.3', description: 'd', author: 'a' }),
  'p',
)
const DEFINITION = {
  contract: 1,
  secrets: ['KEY'],
  hasConfig: true,
  hasSetup: false,
  hasProbe: false,
  hasTeardown: false,
  workflows: [
    { name: 'w', hasInput: true, options: {}, tasks: [{ name: 't', options: { timeout: '2s' } }] },
  ],
}
const SCHEMAS = {
  inputs: [{ workflow: 'w', schema: { type: 'object', properties: { day: { type: 'string' } } } }],
  config: { type: 'object', properties: { url: { type: 'string' } } },
}
const FILES = [
  { path: 'index.js', size: 3, sha256: 'ab'.repeat(32) },
  { path: 'package.json', size: 2, sha256: 'cd'.repeat(32) },
]

function write(change: Readonly<Record<string, unknown>> = {}): string {
  const declared = { definition: DEFINITION, schemas: SCHEMAS }
  const content = {
    contract: 1,
    ...claimsOf(PACKAGE_JSON, 'index.js', declared).claims,
    ...declared,
    files: FILES,
    digest: fileListDigest(FILES),
    sourceDigest: 'ef'.repeat(32),
    tools: { headgate: '0.1.0' },
    ...change,
  }
  return JSON.stringify({ ...content, checksum: manifestChecksum(content) }, null, 1)
}

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'accepted'
  } catch (error) {
    return error instanceof HeadgateError ? error.code : `thrown: ${String(error)}`
  }
}

t.test('a manifest is a list of files, or it is whole', (t) => {
  const { packed } = parseManifest(write(), 'p')
  t.match(packed, { package: 'p', config: ['url'], secrets: ['KEY'] })
  if (packed !== null) requireClaims(packed, PACKAGE_JSON, 'index.js', 'p')
  t.equal(parseManifest(JSON.stringify({ contract: 1, files: FILES }), 'p').packed, null)
  const listed = { contract: 1, files: FILES, sourceDigest: 'ef'.repeat(32) }
  t.match(parseManifest(JSON.stringify(listed), 'p'), { sourceDigest: 'ef'.repeat(32) })
  t.throws(() => parseManifest(JSON.stringify({ ...listed, package: 'p' }), 'p'), {
    code: 'MANIFEST_INVALID',
  })
  t.throws(() => parseManifest(JSON.stringify({ ...listed, sourceDigets: 'x' }), 'p'), {
    message: /did you mean sourceDigest/,
  })
  t.throws(() => parseManifest('[]', 'p'), { message: /not an object/ })
  t.end()
})

t.test('another contract is named as such, whatever else the manifest holds', (t) => {
  const future = JSON.stringify({ contract: 7, package: 'p', version: '9.0.0', shape: 'unknown' })
  t.throws(() => parseManifest(future, 'p'), {
    code: 'CONTRACT_UNSUPPORTED',
    details: { package: 'p', version: '9.0.0', found: '7', supported: '1' },
  })
  t.end()
})

t.test('a manifest nested too deeply to be worked on is refused for it', (t) => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  for (const key of ['definition', 'schemas', 'files', 'tools', 'contract', 'unknown']) {
    for (const levels of [300, 20_000, 100_000]) {
      const text = write().replace(/}$/, `,"${key}":{"a":${nested(levels)}}}`)
      t.equal(
        codeOf(() => parseManifest(text, 'e')),
        'MANIFEST_INVALID',
        `${key} ${levels}`,
      )
    }
  }
  t.match(
    codeOf(() => parseManifest(nested(100_000), 'e')),
    'MANIFEST_INVALID',
  )
  const schemas = { ...SCHEMAS, config: JSON.parse(`{"properties":{"a":${nested(200)}}}`) }
  const fine = write({
    schemas,
    ...claimsOf(PACKAGE_JSON, 'index.js', { definition: DEFINITION, schemas }).claims,
  })
  t.equal(
    codeOf(() => parseManifest(fine, 'e')),
    'accepted',
  )
  t.end()
})

t.test('any single flipped bit in a manifest is refused', (t) => {
  const bytes = Buffer.from(write())
  holds(
    t,
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const code = codeOf(() => parseManifest(flipped.toString('utf8'), 'p'))
      return code === 'MANIFEST_INVALID' || code === 'CONTRACT_UNSUPPORTED'
    }),
  )
  t.end()
})

t.test('M2, M4: signatures are added to a manifest, which has one spelling then', (t) => {
  // Texts that JSON can write in several ways.
  const schemas = { inputs: [{ workflow: 'w', schema: { maximum: 1e30, pattern: '\u001b' } }] }
  const plain = JSON.parse(write({ schemas: { ...schemas, config: null }, config: null }))
  const signatures = signManifest(plain, [makeKeys().private])
  const text = manifestText({ ...plain, signatures })
  const { packed, sha256 } = parseManifest(text, 'p')
  t.same(packed?.signatures, signatures)
  t.equal(packed?.checksum, parseManifest(manifestText(plain), 'p').packed?.checksum)
  t.not(sha256, parseManifest(manifestText(plain), 'p').sha256)
  const respelt = [
    JSON.stringify({ ...plain, signatures }),
    text.replace('1e+30', '1E+30'),
    text.replace('u001b', 'u001B'),
    text.replace('"author"', '"author": "b",\n  "author"'),
    text.replace('"p"', '"\\u0070"'),
  ]
  for (const other of respelt) {
    t.not(other, text)
    t.same(JSON.parse(other), JSON.parse(text), 'it says the same')
    t.throws(() => parseManifest(other, 'p'), { code: 'MANIFEST_INVALID', message: /it is signed/ })
  }
  t.throws(() => parseManifest(manifestText({ ...plain, signatures: [] }), 'p'), {
    message: /signatures: leave it out/,
  })
  t.end()
})

t.test('a claim that the package does not bear out is named', (t) => {
  const refuse = (change: Readonly<Record<string, unknown>>, why: RegExp): void => {
    const { packed } = parseManifest(write(change), 'p')
    if (packed === null) throw new Error('it is whole')
    t.throws(() => requireClaims(packed, PACKAGE_JSON, 'index.js', 'p'), { message: why })
  }
  refuse({ package: 'q' }, /package is "q", not "p"/)
  refuse({ version: '1.2.4' }, /version is "1\.2\.4"/)
  refuse({ author: null }, /author is null, not "a"/)
  refuse({ entry: 'other.js' }, /entry is "other\.js"/)
  refuse({ secrets: [] }, /secrets\[0\] is missing/)
  refuse({ config: null }, /config is null/)
  refuse({ permissions: { net: true, read: [], write: [], env: [] } }, /permissions\.net is true/)
  refuse({ interfaceDigest: '0'.repeat(64) }, /interfaceDigest/)
  refuse({ schemas: { ...SCHEMAS, inputs: [{ workflow: 'x', schema: {} }] } }, /input schema of x/)
  refuse({ definition: { ...DEFINITION, hasConfig: false } }, /a schema of a configuration/)
  refuse({ definition: { ...DEFINITION, workflows: [] } }, /at least one workflow/)
  t.end()
})

t.test('the interface is read from a manifest', (t) => {
  const { packed } = parseManifest(write(), 'p')
  if (packed === null) throw new Error('it is whole')
  t.match(interfaceOfManifest(packed), {
    package: 'p',
    version: '1.2.3',
    workflows: [
      {
        name: 'w',
        input: { kind: 'schema', schema: { type: 'object' } },
        tasks: [{ name: 't', after: [], timeoutMs: 2_000 }],
        answers: ['t'],
      },
    ],
    secrets: ['KEY'],
  })
  t.end()
})

t.test('the first difference is found, and only where there is one', (t) => {
  t.equal(
    firstDifference({ a: [{ name: 'x', b: 1 }] }, { a: [{ name: 'x', b: 2 }] }),
    'a[x].b is 2, not 1',
  )
  t.equal(firstDifference({ a: 1 }, {}), 'a is missing')
  t.equal(firstDifference({}, { a: 1 }), 'a is additional')
  t.equal(firstDifference([1], [1, 2], 'l'), 'l[1] is additional')
  t.equal(firstDifference([], {}, 'l'), 'l is {}, not []')
  holds(
    t,
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const equal = firstDifference(a, b) === null
      return firstDifference(a, structuredClone(a)) === null && equal === isDeepStrictEqual(a, b)
    }),
  )
  t.end()
})
