import { sign } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  checkSignatures,
  keyId,
  signaturesSchema,
  signManifest,
} from '../../src/domain/signature.ts'
import { makeKeys } from '../helpers/keys.ts'
import { holds } from '../helpers/property.ts'

const MANIFEST = {
  package: 'p',
  version: '1.2.3',
  digest: 'ab'.repeat(32),
  checksum: 'cd'.repeat(32),
}

function isValid(manifest: typeof MANIFEST, signature: { publicKey: string; signature: string }) {
  return checkSignatures(manifest, [signature])[0]?.isValid
}

t.test('the same keys sign in the same bytes and order, each once', (t) => {
  const [a, b] = [makeKeys(), makeKeys()]
  const signatures = signManifest(MANIFEST, [a.private, b.private])
  t.same(signManifest(MANIFEST, [b.private, a.private, b.private]), signatures)
  t.equal(signatures.length, 2)
  t.same(signaturesSchema.parse(signatures), signatures)
  t.same(
    new Set(checkSignatures(MANIFEST, signatures).map(({ key }) => key)),
    new Set([a.id, b.id]),
  )
  t.ok(checkSignatures(MANIFEST, signatures).every((one) => one.isValid))
  t.same(signManifest(MANIFEST, []), [])
  t.end()
})

t.test('G1: a signature is of one package, version, digest and manifest', (t) => {
  const [signature] = signManifest(MANIFEST, [makeKeys().private])
  if (signature === undefined) throw new Error('there is one')
  t.equal(isValid(MANIFEST, signature), true)
  for (const key of ['package', 'version', 'digest', 'checksum'] as const) {
    t.equal(isValid({ ...MANIFEST, [key]: `${MANIFEST[key]}0` }, signature), false, key)
  }
  const moved = { ...MANIFEST, package: 'p","1.2.3', version: '' }
  t.equal(isValid(moved, signature), false, 'no name forges the border between two parts')
  t.end()
})

t.test('G2: what a key signs elsewhere is no signature of a package', (t) => {
  const key = makeKeys()
  const { package: name, version, digest, checksum } = MANIFEST
  for (const text of [
    digest,
    JSON.stringify([name, version, digest, checksum]),
    JSON.stringify(['headgate.package.v2', name, version, digest, checksum]),
  ]) {
    const signature = sign(null, Buffer.from(text), key.private).toString('base64')
    t.equal(isValid(MANIFEST, { publicKey: key.raw, signature }), false, text)
  }
  t.end()
})

t.test('no flipped bit of a key or a signature leaves it valid', (t) => {
  const [signature] = signManifest(MANIFEST, [makeKeys().private])
  if (signature === undefined) throw new Error('there is one')
  holds(
    t,
    fc.property(fc.constantFrom('publicKey', 'signature'), fc.nat(), (part, at) => {
      const bytes = Buffer.from(signature[part], 'base64')
      const bit = at % (bytes.length * 8)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return isValid(MANIFEST, { ...signature, [part]: bytes.toString('base64') }) === false
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('G4: a key and a signature have one spelling, and a key signs once', (t) => {
  const [signature] = signManifest(MANIFEST, [makeKeys().private])
  if (signature === undefined) throw new Error('there is one')
  const refused = (change: unknown): boolean => !signaturesSchema.safeParse(change).success
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (const part of ['publicKey', 'signature'] as const) {
    const text = signature[part]
    const last = text.indexOf('=') - 1
    const next = alphabet[alphabet.indexOf(text[last] ?? '') + 1]
    const respelt = `${text.slice(0, last)}${next}${text.slice(last + 1)}`
    t.same(Buffer.from(respelt, 'base64'), Buffer.from(text, 'base64'), 'the same bytes')
    t.ok(refused([{ ...signature, [part]: respelt }]), part)
    t.ok(refused([{ ...signature, [part]: text.replaceAll('=', '') }]))
  }
  t.ok(refused([signature, signature]))
  t.ok(refused([]))
  t.ok(refused([{ ...signature, by: 'me' }]))
  t.end()
})

t.test('32 bytes that are no key make an invalid signature, and no fault', (t) => {
  const [signature] = signManifest(MANIFEST, [makeKeys().private])
  if (signature === undefined) throw new Error('there is one')
  const publicKey = Buffer.alloc(32, 0xff).toString('base64')
  t.same(checkSignatures(MANIFEST, [{ ...signature, publicKey }]), [
    { publicKey, key: keyId(publicKey), isValid: false },
  ])
  t.match(keyId(publicKey), /^ed25519:[0-9a-f]{32}$/)
  t.end()
})
