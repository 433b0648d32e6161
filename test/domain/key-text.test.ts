import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { isKeyText, parsePrivateKey, parsePublicKey } from '../../src/domain/key-text.ts'
import { signManifest } from '../../src/domain/signature.ts'
import { makeKeys } from '../helpers/keys.ts'

const refuse = (why: string): HeadgateError =>
  new HeadgateError('OPTION_INVALID', { option: 'key', why })

t.test('keys are read from PEM, an encrypted one with its passphrase', (t) => {
  const key = makeKeys()
  t.equal(parsePublicKey(key.publicPem, refuse), key.raw)
  t.ok(isKeyText(key.publicPem))
  t.notOk(isKeyText('keys/acme.pub.pem'))
  const manifest = { package: 'p', version: '1.0.0', digest: 'd', checksum: 'c' }
  const signed = signManifest(manifest, [key.private])
  const plain = parsePrivateKey(key.privatePem, undefined, refuse)
  t.same(signManifest(manifest, [plain]), signed)
  const encrypted = key.private
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString()
  t.same(signManifest(manifest, [parsePrivateKey(encrypted, 'secret', refuse)]), signed)
  t.same(
    signManifest(manifest, [parsePrivateKey(key.privatePem, 'of another', refuse)]),
    signed,
    'a passphrase that is not needed is in nobody’s way',
  )
  t.throws(() => parsePrivateKey(encrypted, undefined, refuse), { message: /it is encrypted/ })
  t.throws(() => parsePrivateKey(encrypted, 'wrong', refuse), { message: /passphrase.*not right/ })
  t.end()
})

t.test('what is no such key is refused with what it is', (t) => {
  const key = makeKeys()
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsaPrivate = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const rsaPublic = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const torn = key.privatePem.slice(0, -50)
  const asPrivate = (text: string) => () => parsePrivateKey(text, undefined, refuse)
  const asPublic = (text: string) => () => parsePublicKey(text, refuse)
  t.throws(asPrivate(key.publicPem), { message: /it is a public key: give the private one/ })
  t.throws(asPublic(key.privatePem), { message: /it is a private key: give the public one/ })
  t.throws(asPrivate(rsaPrivate), { message: /a key for rsa, not for ed25519/ })
  t.throws(asPublic(rsaPublic), { message: /a key for rsa, not for ed25519/ })
  for (const read of [asPrivate(torn), asPrivate(''), asPublic('x'), asPublic('-----BEGIN ')]) {
    t.throws(read, { code: 'OPTION_INVALID', message: /it is not a PEM key/ })
  }
  t.end()
})

t.test('no refusal shows a byte of a private key', (t) => {
  const key = makeKeys()
  const secret = key.privatePem.split('\n')[1] ?? ''
  for (const text of [key.privatePem, key.privatePem.replace('-----END', '----END')]) {
    try {
      parsePublicKey(text, refuse)
      t.fail('it was taken')
    } catch (error) {
      t.notOk(String(error).includes(secret.slice(8, 24)))
    }
  }
  t.end()
})
