/** Signed packages as drops, packed for real: what is taken, what is not, and what nobody can fake. */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { manifestChecksum, manifestText } from '../../src/domain/manifest.ts'
import type { SignatureTrust } from '../../src/domain/signature-policy.ts'
import { signManifest } from '../../src/domain/signature.ts'
import { versionKey } from '../../src/source/versions.ts'
import { type Key, makeKeys } from '../helpers/keys.ts'
import { holds } from '../helpers/property.ts'
import { answering, listing, makeAuthor, own } from '../packaging/author.ts'
import { type Bench, bench, QUIET_MS, REMOVE_AFTER_MS } from './bench.ts'
import { packageFiles } from './drops.ts'
import { tgzOf } from './tar-bytes.ts'

type Bytes = Readonly<Record<string, Buffer>>
type Json = Readonly<Record<string, unknown>>

const author = makeAuthor(t)
const [ours, theirs]: readonly [Key, Key] = [makeKeys(), makeKeys()]
const [v1, v2, other] = [
  await packed('1.0.0'),
  await packed('2.0.0'),
  await packed('1.0.0', 'elsewhere'),
]
const signed = sealed(v1, (manifest) => ({ signatures: signManifest(manifest, [ours.private]) }))

/** Of a real pack, unsigned. */
async function packed(version: string, name = 'own'): Promise<Bytes> {
  const dir = author.source(`${name}-${version}`, own(answering('1'), {}, { name, version }))
  const { to } = await author.pack(dir)
  return Object.fromEntries(listing(to).map((path) => [path, readFileSync(join(to, path))]))
}

interface Parsed extends Json {
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly checksum: string
}

function manifestOf(files: Bytes): Parsed {
  return JSON.parse(String(files[MANIFEST_FILE]))
}

/** With another manifest, whose checksum is right. */
function sealed(files: Bytes, change: (manifest: Parsed) => Json): Bytes {
  const { signatures, checksum: _, ...manifest } = manifestOf(files)
  const { signatures: next = signatures, ...rest } = change(manifestOf(files))
  const content = { ...manifest, ...rest }
  const checksum = manifestChecksum(content)
  const whole = { ...content, checksum, ...(next === undefined ? {} : { signatures: next }) }
  return { ...files, [MANIFEST_FILE]: Buffer.from(manifestText(whole)) }
}

function unsigned(files: Bytes): Bytes {
  const { signatures: _, ...manifest } = manifestOf(files)
  return { ...files, [MANIFEST_FILE]: Buffer.from(manifestText(manifest)) }
}

function trusting(
  policy: SignatureTrust['policy'],
  keys: Readonly<Record<string, readonly string[]>> = { public: [ours.raw] },
): { readonly trust: SignatureTrust } {
  return { trust: { policy, keys: new Map(Object.entries(keys)) } }
}

let prepared = 0

/** In one rename, over what is there. */
function drop(b: Bench, entry: string, files: Bytes): void {
  const from = join(b.place.root, `made-${prepared++}`)
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(from, path)), { recursive: true })
    writeFileSync(join(from, path), bytes)
  }
  const to = b.place.path(entry)
  mkdirSync(dirname(to), { recursive: true })
  rmSync(to, { recursive: true, force: true })
  renameSync(from, to)
}

function dropArchive(b: Bench, entry: string, files: Bytes): void {
  writeFileSync(b.place.path(entry), tgzOf(files))
}

t.test('require takes what a trusted key has signed, as a folder and as an archive', (t) => {
  for (const put of [drop, dropArchive]) {
    const b = bench(t, trusting('require'))
    put(b, 'a.tgz', signed)
    t.same(b.pass(), ['staged a.tgz own@1.0.0'])
    t.match(b.staged, [
      { doubt: null, signatures: [{ key: ours.id, isValid: true, state: 'trusted' }] },
    ])
    put(b, 'b.tgz', v2)
    t.same(b.pass(), ['rejected b.tgz SIGNATURE_MISSING'])
    put(
      b,
      'c.tgz',
      sealed(v2, (m) => ({ signatures: signManifest(m, [theirs.private]) })),
    )
    t.same(b.pass(), ['rejected c.tgz SIGNATURE_UNTRUSTED'])
    t.match(b.refused[1]?.error.message, theirs.id)
    t.equal(b.store.has(manifestOf(v2).digest), false, 'nothing of it is in the store')
    for (let pass = 0; pass < 20; pass++) {
      b.advance(60_000)
      t.same(b.pass(), [], 'and nothing is tried again')
    }
  }
  t.end()
})

t.test('warn takes all but what does not fit, and says what it holds against it', (t) => {
  const b = bench(t, trusting('warn'))
  drop(b, 'a', v1)
  t.same(b.pass(), ['staged a own@1.0.0'])
  t.match(b.staged[0], { signatures: [], doubt: { code: 'SIGNATURE_MISSING' } })
  drop(
    b,
    'b',
    sealed(v2, (m) => ({ signatures: signManifest(m, [theirs.private]) })),
  )
  t.same(b.pass(), ['staged b own@2.0.0'])
  t.match(b.staged[1], { doubt: { code: 'SIGNATURE_UNTRUSTED' } })
  drop(
    b,
    'c',
    sealed(signed, () => ({ tools: { node: '0.0.1' } })),
  )
  t.same(b.pass(), ['rejected c SIGNATURE_INVALID'])
  t.end()
})

t.test('off asks for nothing, and shows who signed', (t) => {
  const b = bench(t)
  drop(b, 'a', signed)
  drop(b, 'b', v2)
  t.same(b.pass(), ['staged a own@1.0.0', 'staged b own@2.0.0'])
  t.match(b.staged, [
    { doubt: null, signatures: [{ key: ours.id, state: 'unknown' }] },
    { doubt: null, signatures: [] },
  ])
  t.end()
})

t.test('any flipped bit in any file of a signed version keeps it out', (t) => {
  const places = Object.entries(signed).flatMap(([path, bytes]) =>
    // The manifest is where a signature is all there is; the rest has its digests besides.
    Array.from({ length: path === MANIFEST_FILE ? 6 : 1 }, () => [path, bytes.length * 8] as const),
  )
  holds(
    t,
    fc.property(
      fc.constantFrom(...places),
      fc.nat(),
      fc.boolean(),
      ([path, bits], at, asFolder) => {
        const teardowns: (() => void)[] = []
        const b = bench({ teardown: (fn) => void teardowns.push(fn) }, trusting('require'))
        try {
          const bytes = Buffer.from(signed[path] ?? '')
          const bit = at % bits
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          const put = asFolder ? drop : dropArchive
          put(b, 'a.tgz', { ...signed, [path]: bytes })
          b.advance(QUIET_MS + 1)
          b.pass()
          return b.staged.length === 0 && b.refused.length === 1
        } finally {
          for (const teardown of teardowns) teardown()
        }
      },
    ),
    { numRuns: 400 },
  )
  t.end()
})

t.test(
  'a manifest that was changed after signing is refused, with its checksum made right',
  (t) => {
    const changes: readonly Json[] = [
      { tools: { headgate: '9.9.9' } },
      { sourceDigest: '0'.repeat(64) },
      { schemas: { inputs: [], config: { type: 'object' } }, config: [] },
    ]
    const b = bench(t, trusting('require'))
    for (const [index, change] of changes.entries())
      drop(
        b,
        `a${index}`,
        sealed(signed, () => change),
      )
    drop(
      b,
      'other-bytes',
      sealed({ ...v1, [MANIFEST_FILE]: signed[MANIFEST_FILE] ?? Buffer.of() }, () => ({})),
    )
    b.pass()
    t.same(
      b.refused.map(({ entry, error }) => [entry, error.code]),
      [
        ['a0', 'SIGNATURE_INVALID'],
        ['a1', 'SIGNATURE_INVALID'],
        // What it claims of the package comes first.
        ['a2', 'MANIFEST_INVALID'],
      ],
    )
    t.match(
      b.staged,
      [{ entry: 'other-bytes' }],
      'resealed without a change it is the same manifest',
    )
    t.end()
  },
)

t.test('a signature of another version, package or key is none', (t) => {
  const copied = manifestOf(signed)['signatures']
  const b = bench(t, trusting('require'))
  drop(
    b,
    'version',
    sealed(v2, () => ({ signatures: copied })),
  )
  drop(
    b,
    'package',
    sealed(other, () => ({ signatures: copied })),
  )
  const [stranger] = signManifest(manifestOf(v1), [theirs.private])
  drop(
    b,
    'claimed',
    sealed(v1, () => ({ signatures: [{ ...stranger, publicKey: ours.raw }] })),
  )
  b.pass()
  t.same(
    b.refused.map(({ entry, error }) => [entry, error.code]),
    ['claimed', 'package', 'version'].map((entry) => [entry, 'SIGNATURE_INVALID']),
  )
  t.end()
})

t.test('a key that one tenant trusts is a stranger to another', (t) => {
  const b = bench(t, trusting('require', { acme: [ours.raw], globex: [theirs.raw] }))
  for (const entry of ['a', '@acme/a', '@globex/a']) drop(b, entry, signed)
  b.pass()
  t.same(
    b.staged.map(({ entry }) => entry),
    ['@acme/a'],
  )
  t.same(
    b.refused.map(({ entry, error }) => [entry, error.code]),
    [
      ['@globex/a', 'SIGNATURE_UNTRUSTED'],
      ['a', 'SIGNATURE_UNTRUSTED'],
    ],
  )
  const all = bench(t, trusting('require', { '*': [ours.raw] }), b.place)
  all.pass()
  t.equal(all.staged.length, 3)
  t.end()
})

t.test('an unsigned copy of a signed version is refused, and keeps nothing present', (t) => {
  const b = bench(t, trusting('require'))
  drop(b, 'a', signed)
  b.pass()
  drop(b, 'b', unsigned(signed))
  t.same(b.pass(), ['rejected b SIGNATURE_MISSING'])
  rmSync(b.place.path('a'), { recursive: true })
  b.pass()
  b.advance(REMOVE_AFTER_MS)
  t.same(b.pass(), ['removed a own@1.0.0'])
  t.end()
})

t.test('a signature taken away in place: said at once, out at the next start', (t) => {
  const b = bench(t, trusting('require'))
  drop(b, 'a', signed)
  t.same(b.pass(), ['staged a own@1.0.0'])
  drop(b, 'a', unsigned(signed))
  t.same(b.pass(), ['rejected a SIGNATURE_MISSING'])
  b.advance(10 * REMOVE_AFTER_MS)
  t.same([...b.pass(), ...b.pass()], [], 'what was taken with its signature stays present')
  const known = new Map(b.staged.map((one) => [versionKey(one), one.digest]))
  const next = bench(t, { ...trusting('require'), known }, b.place)
  t.same(next.pass(), ['rejected a SIGNATURE_MISSING'], 'its artifact is no way round')
  t.end()
})

t.test('a key that is trusted no longer counts from the next start', (t) => {
  const b = bench(t, trusting('require'))
  drop(b, 'a', signed)
  t.same(b.pass(), ['staged a own@1.0.0'])
  const known = new Map(b.staged.map((one) => [versionKey(one), one.digest]))
  const rotated = bench(t, { ...trusting('require', { public: [theirs.raw] }), known }, b.place)
  t.same(rotated.pass(), ['rejected a SIGNATURE_UNTRUSTED'])
  const both = [ours.private, theirs.private]
  drop(
    rotated,
    'a',
    sealed(v1, (m) => ({ signatures: signManifest(m, both) })),
  )
  t.same(
    rotated.pass(),
    ['cleared a', 'staged a own@1.0.0'],
    'signed by both it is the same version',
  )
  t.end()
})

t.test('a signature that is added is looked at at once, and once', (t) => {
  const b = bench(t, trusting('require'))
  drop(b, 'a', v1)
  t.same(b.pass(), ['rejected a SIGNATURE_MISSING'])
  b.reads()
  t.same([...b.pass(), ...b.pass()], [])
  t.equal(b.reads(), 2, 'no file is read meanwhile')
  writeFileSync(join(b.place.path('a'), MANIFEST_FILE), signed[MANIFEST_FILE] ?? '')
  t.same(b.pass(), ['cleared a', 'staged a own@1.0.0'])
  const lax = bench(t, trusting('warn'))
  drop(lax, 'a', v1)
  t.same(lax.pass(), ['staged a own@1.0.0'])
  writeFileSync(join(lax.place.path('a'), MANIFEST_FILE), signed[MANIFEST_FILE] ?? '')
  t.same(lax.pass(), ['staged a own@1.0.0'], 'said again, as it is signed now')
  t.match(lax.staged[1], { doubt: null, signatures: [{ state: 'trusted' }] })
  drop(lax, 'b', v1)
  t.same([...lax.pass(), ...lax.pass()], [], 'an unsigned copy beside it changes nothing')
  rmSync(lax.place.path('a'), { recursive: true })
  t.same(lax.pass(), ['staged b own@1.0.0'], 'until it alone is left')
  t.match(lax.staged[2], { doubt: { code: 'SIGNATURE_MISSING' } })
  t.same([...lax.pass(), ...lax.pass()], [])
  t.end()
})

t.test(
  'a source folder is not signed, and a signature does not cover it through its pack',
  async (t) => {
    const b = bench(t, trusting('require'))
    b.place.drop('plain', packageFiles('alpha', '1.0.0'))
    const dir = join(author.root, 'own-1.0.0')
    const source = Object.fromEntries(
      listing(dir).map((path) => [path, readFileSync(join(dir, path))]),
    )
    drop(b, 'own', source)
    b.advance(QUIET_MS + 1)
    t.same(b.pass(), ['rejected own SIGNATURE_MISSING', 'rejected plain SIGNATURE_MISSING'])
    // Taken when nothing was asked, the folder's bytes are the version, and the pack only backs them.
    const before = bench(t, {}, b.place)
    before.advance(QUIET_MS + 1)
    before.pass()
    const known = new Map(before.staged.map((one) => [versionKey(one), one.digest]))
    const after = bench(t, { ...trusting('require'), known }, b.place)
    drop(after, 'signed', signed)
    after.advance(QUIET_MS + 1)
    after.pass()
    t.same(after.staged, [])
    const refused = after.refused.find(({ entry }) => entry === 'signed')
    t.match(refused?.error, { code: 'SIGNATURE_MISSING', message: /on record.*raise the number/ })
    t.end()
  },
)

t.test('what is refused leaves nothing in the artifact store', (t) => {
  const b = bench(t, trusting('require'))
  drop(b, 'a', unsigned(signed))
  drop(b, 'b', v2)
  b.pass()
  t.same(readdirSync(b.place.artifactsDir), [])
  t.end()
})
