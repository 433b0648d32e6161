import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readPublicKey, readTrust } from '../../src/source/trusted-keys.ts'
import { makeKeys } from '../helpers/keys.ts'

t.test('keys are read by tenant, as text and from files', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-keys-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const [a, b] = [makeKeys(), makeKeys()]
  const path = join(dir, 'b.pem')
  writeFileSync(path, b.publicPem)
  const trust = readTrust({ policy: 'require', keys: { acme: [a.publicPem, path], '*': [path] } })
  t.equal(trust.policy, 'require')
  t.same(
    [...trust.keys],
    [
      ['acme', [a.raw, b.raw]],
      ['*', [b.raw]],
    ],
  )
  t.same(readTrust({ policy: 'off' }), { policy: 'off', keys: new Map() })
  t.throws(() => readTrust({ policy: 'require' }), { code: 'OPTION_INVALID' })
  t.throws(() => readTrust({ policy: 'warn', keys: { 'A B': [] } }), { code: 'NAME_INVALID' })
  t.throws(() => readPublicKey(dir, '--trusted'), { message: /--trusted.*cannot be read: EISDIR/ })
  t.throws(() => readPublicKey(a.privatePem, '--trusted'), { message: /it is a private key/ })
  t.end()
})
