/** keygen, pack --sign, inspect and an operator's configuration, as a person types them. */

import { generateKeyPairSync } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import { readConfig } from '../../src/cli/config-file.ts'
import { createExecutor, type Executor, type ExecutorOptions } from '../../src/index.ts'
import { startServer } from '../../src/server/start-server.ts'
import { untilActive, untilLooked } from '../executor/helpers.ts'
import { type Author, answering, makeAuthor, own } from '../packaging/author.ts'
import { TOKEN } from '../server/serve.ts'
import { run } from './command.ts'

const PASSPHRASE = 'HEADGATE_KEY_PASSPHRASE'

/** Two pairs of keys, `a` and `b`, and a package to sign. */
async function desk(
  t: Test,
): Promise<{ author: Author; dir: string; at: (path: string) => string }> {
  const author = makeAuthor(t)
  const at = (path: string): string => join(author.root, path)
  for (const name of ['a', 'b']) await run(['keygen', '--out', at(name)])
  return { author, dir: author.source('own', own(answering('1'))), at }
}

/** Packs `dir` with these keys; the archive's path. */
async function packed(dir: string, out: string, ...keys: readonly string[]): Promise<string> {
  const sign = keys.flatMap((key) => ['--sign', key])
  const { code, stdout, stderr } = await run(['pack', dir, '--out', out, ...sign, '--json'])
  if (code !== 0) throw new Error(stderr)
  return String(JSON.parse(stdout).path)
}

t.test(
  'keygen writes a pair that only its owner can sign with, and overwrites nothing',
  async (t) => {
    const { root } = makeAuthor(t)
    const name = join(root, 'acme')
    const made = await run(['keygen', '--out', name])
    t.match(made, { code: 0, stderr: '', stdout: /^ed25519:[0-9a-f]{32}\n/ })
    t.match(made.stdout, `headgate pack --sign ${name}.pem`)
    t.match(
      made.stdout,
      `{"signatures":{"policy":"require","keys":{"public":["${name}.pub.pem"]}}}`,
    )
    t.equal(statSync(`${name}.pem`).mode & 0o777, 0o600)
    const secret = readFileSync(`${name}.pem`, 'utf8')
    t.match(secret, /^-----BEGIN PRIVATE KEY-----/)
    t.match(readFileSync(`${name}.pub.pem`, 'utf8'), /^-----BEGIN PUBLIC KEY-----/)
    t.match(await run(['keygen', '--out', name]), { code: 4, stdout: '', stderr: /^FILE_EXISTS/ })
    t.equal(readFileSync(`${name}.pem`, 'utf8'), secret)
    writeFileSync(join(root, 'half.pub.pem'), 'of somebody')
    t.match(await run(['keygen', '--out', join(root, 'half')]), {
      code: 4,
      stderr: /half\.pub\.pem/,
    })
    t.notOk(existsSync(join(root, 'half.pem')), 'no half of a pair is left')
    t.match(await run(['keygen', '--out', join(root, 'no/such/folder')]), {
      code: 2,
      stderr: /OPTION_INVALID: option --out/,
    })
    const json = await run(['keygen', '--out', join(root, 'json'), '--json'])
    t.match(JSON.parse(json.stdout), {
      key: /^ed25519:/,
      privateKey: join(root, 'json.pem'),
      publicKey: join(root, 'json.pub.pem'),
      encrypted: false,
    })
  },
)

t.test('a private key can be encrypted, and signs with its passphrase alone', async (t) => {
  const { author, dir, at } = await desk(t)
  t.match(await run(['keygen', '--out', at('c'), '--encrypt']), {
    code: 2,
    stderr: /put the passphrase into HEADGATE_KEY_PASSPHRASE/,
  })
  const env = { [PASSPHRASE]: 'open sesame' }
  t.match(await run(['keygen', '--out', at('c'), '--encrypt'], { env }), {
    stdout: /\(encrypted\)/,
  })
  t.match(readFileSync(at('c.pem'), 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  const pack = ['pack', dir, '--out', author.root, '--sign', at('c.pem')]
  t.match(await run(pack), { code: 2, stdout: '', stderr: /c\.pem: it is encrypted/ })
  t.match(await run(pack, { env: { [PASSPHRASE]: 'no' } }), { code: 2, stderr: /is not right/ })
  t.match(await run(pack, { env }), { code: 0, stdout: /signed by {4}ed25519:/ })
})

t.test('signing changes no digest, and the same keys make the same archive', async (t) => {
  const { dir, at } = await desk(t)
  const plain = await packed(dir, at('plain'))
  const one = await packed(dir, at('one'), at('a.pem'), at('b.pem'))
  const two = await packed(dir, at('two'), at('b.pem'), at('a.pem'))
  t.ok(readFileSync(one).equals(readFileSync(two)))
  t.notOk(readFileSync(one).equals(readFileSync(plain)))
  t.match(await run(['diff', plain, one]), { code: 0, stdout: /the same version, byte for byte/ })
  const packages = at('packages')
  mkdirSync(packages)
  const publish = async (path: string) => (await run(['publish', path, '--to', packages])).stdout
  t.match(await publish(plain), /^published/)
  t.match(await publish(one), /^published/, 'signed later: no conflict, and not passed over')
  t.match(await publish(plain), /^already there/)
  t.ok(readFileSync(join(packages, 'own@1.0.0.tgz')).equals(readFileSync(one)))
})

t.test('a key that cannot sign is refused before anything is made', async (t) => {
  const { author, dir, at } = await desk(t)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  writeFileSync(at('rsa.pem'), rsa.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(at('text.pem'), 'hello')
  for (const [key, why] of [
    ['a.pub.pem', /a\.pub\.pem: it is a public key: give the private one/],
    ['rsa.pem', /rsa\.pem: it is a key for rsa, not for ed25519/],
    ['text.pem', /text\.pem: it is not a PEM key: headgate keygen makes one/],
    ['none.pem', /none\.pem cannot be read: ENOENT/],
  ] as const) {
    const ended = await run(['pack', dir, '--out', author.root, '--sign', at(key)])
    t.match(ended, { code: 2, stdout: '', stderr: /^OPTION_INVALID: option --sign/ })
    t.match(ended.stderr, why)
  }
  t.notOk(existsSync(at('own-1.0.0.tgz')))
})

t.test('inspect shows who signed, and exits as the operator’s executor would', async (t) => {
  const { dir, at } = await desk(t)
  const plain = await packed(dir, at('plain'))
  const signed = await packed(dir, at('signed'), at('a.pem'))
  const inspect = (path: string, ...args: string[]) => run(['inspect', path, ...args])
  t.match(await inspect(plain), { code: 0, stdout: /signed by {4}nobody/ })
  t.match(await inspect(signed), { code: 0, stdout: /signed by {4}ed25519:[0-9a-f]{32}, valid\n/ })
  const trusted = (name: string): string[] => ['--trusted', at(`${name}.pub.pem`)]
  t.match(await inspect(signed, ...trusted('a')), { code: 0, stdout: /valid, trusted\n/ })
  t.match(await inspect(signed, ...trusted('b'), ...trusted('a')), { code: 0 })
  t.match(await inspect(signed, ...trusted('b')), {
    code: 4,
    stdout: /not a key that is trusted\n[^]*refuses it: SIGNATURE_UNTRUSTED/,
  })
  t.match(await inspect(plain, ...trusted('a')), { code: 4, stdout: /SIGNATURE_MISSING/ })
  t.match(await inspect(plain, '--trusted', at('a.pem')), { code: 2, stderr: /--trusted.*private/ })
  const config = at('config.json')
  writeFileSync(
    config,
    JSON.stringify({ signatures: { policy: 'warn', keys: { acme: ['a.pub.pem'] } } }),
  )
  t.match(await inspect(plain, '--config', config), {
    code: 0,
    stdout: /\nSIGNATURE_MISSING: [^]*An executor takes it/,
  })
  t.match(await inspect(signed, '--config', config, '--tenant', 'acme'), { stdout: /trusted\n/ })
  const document = JSON.parse((await inspect(signed, '--config', config, '--json')).stdout)
  t.match(document, {
    refusal: null,
    doubt: { code: 'SIGNATURE_UNTRUSTED' },
    signatures: [{ key: /^ed25519:/, state: 'unknown' }],
    interface: { package: 'own' },
  })
  t.match(await inspect(signed, '--config', config, ...trusted('a')), { code: 2 })
})

t.test('what the configuration says of signatures is checked, with its place', async (t) => {
  const { at } = await desk(t)
  mkdirSync(at('etc'))
  const file = at('etc/config.json')
  cpSync(at('a.pub.pem'), at('etc/beside.pem'))
  const options = (signatures: unknown): ExecutorOptions => {
    writeFileSync(file, JSON.stringify({ signatures }))
    return { packagesDir: at('p'), dataDir: at('d'), permissions: 'off', ...readConfig(file) }
  }
  const pem = readFileSync(at('b.pub.pem'), 'utf8')
  t.match(options({ policy: 'require', keys: { '*': ['beside.pem', at('a.pub.pem'), pem] } }), {
    signatures: { policy: 'require', keys: { '*': [at('etc/beside.pem'), at('a.pub.pem'), pem] } },
  })
  const refused = async (signatures: unknown, why: RegExp): Promise<void> => {
    await t.rejects(async () => createExecutor(options(signatures)), { message: why })
  }
  await refused({ policy: 'strict' }, /signatures\.policy: Invalid option/)
  await refused({ keys: {} }, /signatures\.policy/)
  await refused({ policy: 'off', key: {} }, /signatures: unknown key "key"; did you mean keys/)
  await refused({ polcy: 'off' }, /signatures: unknown key "polcy"; did you mean policy/)
  await refused({ policy: 'require' }, /require without a key would refuse every version/)
  await refused({ policy: 'require', keys: { public: [] } }, /require without a key/)
  await refused({ policy: 'warn', keys: { Acme: [] } }, /"?Acme"? is not a valid tenant name/)
  await refused(
    { policy: 'warn', keys: { a: ['no.pem'] } },
    /signatures\.keys\.a\[0\].*no\.pem.*ENOENT/,
  )
  await refused({ policy: 'warn', keys: { a: [at('a.pem')] } }, /it is a private key/)
  t.notOk(existsSync(at('d')), 'before anything is touched')
})

t.test('status and why say who signed what serves, and why a copy is refused', async (t) => {
  const { dir, at } = await desk(t)
  const serve = async (policy: 'warn' | 'require'): Promise<[Executor, string]> => {
    mkdirSync(at(policy))
    const keys = { public: [at('a.pub.pem')] }
    const places = { packagesDir: at(policy), dataDir: at(`data-${policy}`) }
    const executor = await createExecutor({ ...places, spare: false, signatures: { policy, keys } })
    t.teardown(() => executor.close({ force: true }))
    const rest = { host: '127.0.0.1', port: 0, logger: silentLogger, version: '0.1.0' }
    const server = await startServer({ executor, ...rest, token: TOKEN })
    t.teardown(() => server.close())
    return [executor, server.url]
  }
  const plain = await packed(dir, at('plain'))
  const signed = await packed(dir, at('signed'), at('a.pem'))
  const [strict, url] = await serve('require')
  cpSync(signed, join(at('require'), 'signed.tgz'))
  await untilActive(strict, 'own', '1.0.0')
  cpSync(plain, join(at('require'), 'plain.tgz'))
  await untilLooked(strict, 'the refusal', () => strict.package('public', 'own')?.refusals[0])
  t.match(await run(['status', '--url', url]), {
    code: 0,
    stdout:
      /signatures require[^]*1\.0\.0 is signed by ed25519:[0-9a-f]{32} \(trusted\)\n {2}rejected plain\.tgz/,
  })
  t.match(await run(['why', 'own@1.0.0', '--url', url]), {
    stdout:
      /own@1\.0\.0 {2}active[^]*the highest version that the policy auto allows[^]*Signed by ed25519:\S+ \(trusted\)\.\n {2}plain\.tgz claims to be this version too: SIGNATURE_MISSING/,
  })
  const rejected = await run(['publish', plain, '--to', url, '--token', TOKEN, '--json'])
  t.equal(rejected.code, 4)
  t.match(JSON.parse(rejected.stderr), { code: 'SIGNATURE_MISSING' })
  const [lax, laxUrl] = await serve('warn')
  cpSync(plain, join(at('warn'), 'plain.tgz'))
  await untilActive(lax, 'own', '1.0.0')
  t.match(await run(['status', '--url', laxUrl]), { stdout: /SIGNATURE_MISSING 1\.0\.0: / })
  t.match(await run(['why', 'own', '--url', laxUrl]), {
    stdout: /active[^]*It would be refused where signatures are required: SIGNATURE_MISSING/,
  })
})
