/** Signatures before a real executor: each policy, and each way a version comes in. */

import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BroadcastChannel } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import { createClient } from '../../src/client/client.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { manifestChecksum, manifestText } from '../../src/domain/manifest.ts'
import {
  createExecutor,
  type Executor,
  type ExecutorOptions,
  loadWorkflowPackage,
} from '../../src/index.ts'
import { pack } from '../../src/packaging/pack.ts'
import { startServer } from '../../src/server/start-server.ts'
import { type Key, makeKeys } from '../helpers/keys.ts'
import { until } from '../helpers/until.ts'
import { answering, makeAuthor, own } from '../packaging/author.ts'
import { TOKEN } from '../server/serve.ts'
import { failure, untilActive, untilLooked } from './helpers.ts'

const [ours, theirs]: readonly [Key, Key] = [makeKeys(), makeKeys()]
const author = makeAuthor(t)
const dirs = new Map(
  ['1.0.0', '2.0.0'].map((version) => [
    version,
    author.source(`own-${version}`, own(answering(`'${version}'`), {}, { version })),
  ]),
)

type Policy = NonNullable<ExecutorOptions['signatures']>['policy']

interface Place {
  readonly packagesDir: string
  start(policy: Policy, keys?: readonly Key[]): Promise<Executor>
  /** Drops a packed folder in one rename. */
  drop(folder: string, entry: string): void
}

let places = 0

function makePlace(t: Test): Place {
  const root = join(author.root, `place-${places++}`)
  const packagesDir = join(root, 'packages')
  mkdirSync(packagesDir, { recursive: true })
  return {
    packagesDir,
    async start(policy, keys = [ours]) {
      const executor = await createExecutor({
        packagesDir,
        dataDir: join(root, 'data'),
        spare: false,
        reconcileMs: 100,
        removeAfterMs: 50,
        signatures: { policy, keys: { public: keys.map(({ publicPem }) => publicPem) } },
      })
      t.teardown(() => executor.close({ force: true }))
      return executor
    },
    drop(folder, entry) {
      const prepared = join(root, `.${entry}`)
      cpSync(folder, prepared, { recursive: true })
      renameSync(prepared, join(packagesDir, entry))
    },
  }
}

async function folder(version: string, ...keys: readonly Key[]): Promise<string> {
  const signers = keys.map((key) => key.private)
  return (await author.pack(dirs.get(version) ?? '', signers)).to
}

async function archive(version: string, ...keys: readonly Key[]): Promise<string> {
  const out = join(author.root, `archive-${places++}`)
  mkdirSync(out)
  const sign = keys.map((key) => key.private)
  return (await pack({ dir: dirs.get(version) ?? '', out, sign })).path
}

function refusalOf(executor: Executor, entry: string): string | undefined {
  const found = executor.package('public', 'own')?.refusals.find((one) => one.entry === entry)
  return found?.kind === 'rejected' ? found.error.code : undefined
}

function untilRefused(executor: Executor, entry: string): Promise<string> {
  return untilLooked(executor, `${entry} to be refused`, () => refusalOf(executor, entry))
}

t.test(
  'require: nothing of an unsigned drop is run, a signed one serves and says so',
  async (t) => {
    const place = makePlace(t)
    const executor = await place.start('require')
    t.equal(executor.status().signatures, 'require')
    cpSync(await archive('1.0.0'), join(place.packagesDir, 'plain.tgz'))
    place.drop(await folder('1.0.0', theirs), 'stranger')
    cpSync(dirs.get('2.0.0') ?? '', join(place.packagesDir, 'source'), { recursive: true })
    t.equal(await untilRefused(executor, 'plain.tgz'), 'SIGNATURE_MISSING')
    t.equal(await untilRefused(executor, 'stranger'), 'SIGNATURE_UNTRUSTED')
    t.equal(await untilRefused(executor, 'source'), 'SIGNATURE_MISSING')
    t.same(executor.package('public', 'own')?.generations, [])
    t.same(await executor.control({ since: 0, limit: 10 }), [], 'no thread ever had it')
    cpSync(await archive('1.0.0', ours), join(place.packagesDir, 'signed.tgz'))
    await untilActive(executor, 'own', '1.0.0')
    t.equal(await executor.invoke('public::own::w::t'), '1.0.0')
    place.drop(await folder('2.0.0', theirs, ours), 'both')
    await untilActive(executor, 'own', '2.0.0')
    t.match(executor.package('public', 'own')?.versions, [
      {
        version: '2.0.0',
        doubt: null,
        signatures: [ours, theirs]
          .sort((a, b) => (a.raw < b.raw ? -1 : 1))
          .map((key) => ({ key: key.id, state: key === ours ? 'trusted' : 'unknown' })),
      },
      { version: '1.0.0', signatures: [{ key: ours.id, state: 'trusted' }] },
    ])
  },
)

t.test('warn: an unsigned drop serves in doubt, one that does not fit is refused', async (t) => {
  const place = makePlace(t)
  const executor = await place.start('warn')
  place.drop(await folder('1.0.0'), 'plain')
  await untilActive(executor, 'own', '1.0.0')
  t.match(executor.package('public', 'own')?.versions, [
    { signatures: [], doubt: { code: 'SIGNATURE_MISSING' } },
  ])
  const tampered = await folder('2.0.0', ours)
  edit(tampered, (manifest) => ({ ...manifest, tools: {} }))
  place.drop(tampered, 'tampered')
  t.equal(await untilRefused(executor, 'tampered'), 'SIGNATURE_INVALID')
  t.equal(executor.package('public', 'own')?.activeVersion, '1.0.0')
  // The signature comes later: the same version, without another load.
  const generations = executor.package('public', 'own')?.generations.length
  cpSync(
    join(await folder('1.0.0', ours), MANIFEST_FILE),
    join(place.packagesDir, 'plain', MANIFEST_FILE),
  )
  const said = await untilLooked(executor, 'the signature', () =>
    executor.package('public', 'own')?.versions.find(({ doubt }) => doubt === null),
  )
  t.match(said, { version: '1.0.0', signatures: [{ key: ours.id, state: 'trusted' }] })
  t.equal(executor.package('public', 'own')?.generations.length, generations)
})

t.test('off: everything serves, and who signed is shown', async (t) => {
  const place = makePlace(t)
  const executor = await place.start('off', [])
  place.drop(await folder('1.0.0', ours), 'signed')
  place.drop(await folder('2.0.0'), 'plain')
  await untilActive(executor, 'own', '2.0.0')
  t.match(executor.package('public', 'own')?.versions, [
    { version: '2.0.0', signatures: [], doubt: null },
    { version: '1.0.0', signatures: [{ key: ours.id, state: 'unknown' }], doubt: null },
  ])
})

t.test('publishing is answered with the code, and can bring a signature later', async (t) => {
  const place = makePlace(t)
  const strict = await place.start('require')
  const published = async (executor: Executor, path: string) => {
    const rest = { host: '127.0.0.1', port: 0, logger: silentLogger, version: '0.1.0' }
    const limits = { maxArchiveBytes: 1e6, maxPayloadBytes: 1024 }
    const server = await startServer({ executor, ...rest, ...limits, token: TOKEN })
    try {
      const client = createClient({ url: server.url, token: TOKEN })
      const bytes = new Uint8Array(readFileSync(path))
      return await client.publish({ package: 'own', version: '1.0.0', archive: bytes })
    } finally {
      await server.close()
    }
  }
  const plain = await archive('1.0.0')
  t.match(await failure(published(strict, plain)), { code: 'SIGNATURE_MISSING', status: 422 })
  const stranger = await archive('1.0.0', theirs)
  t.match(await failure(published(strict, stranger)), { code: 'SIGNATURE_UNTRUSTED', status: 422 })
  await strict.close()
  const lax = await place.start('warn')
  t.match(await published(lax, plain), { outcome: 'created' })
  await untilActive(lax, 'own', '1.0.0')
  t.match(await published(lax, plain), { outcome: 'present' })
  const signed = await archive('1.0.0', ours)
  t.match(await published(lax, signed), { outcome: 'created' }, 'the same bytes, with a signature')
  t.match(await published(lax, signed), { outcome: 'present' })
  t.match(await published(lax, plain), { outcome: 'present' }, 'which is not taken away again')
  await lax.close()
  const again = await place.start('require')
  t.equal(again.package('public', 'own')?.activeVersion, '1.0.0')
})

t.test('registering asks for the signatures that its tenant asks for', async (t) => {
  const executor = await makePlace(t).start('require')
  const load = async (path: string) => loadWorkflowPackage(path, { executor })
  const signed = await load(await archive('1.0.0', ours))
  t.same(await signed.registerTasks('public'), ['public::own::w::t'])
  t.match(executor.package('public', 'own')?.versions, [{ signatures: [{ state: 'trusted' }] }])
  t.match(await failure(signed.registerTasks('acme')), { code: 'SIGNATURE_UNTRUSTED' })
  t.equal(executor.package('acme', 'own'), undefined)
  for (const path of [await folder('2.0.0'), dirs.get('2.0.0') ?? '']) {
    const unsigned = await load(path)
    t.match(await failure(unsigned.registerTasks('public')), { code: 'SIGNATURE_MISSING' })
  }
  const tampered = await folder('2.0.0', ours)
  edit(tampered, (manifest) => ({ ...manifest, tools: {} }))
  t.match(await failure(load(tampered)), { code: 'SIGNATURE_INVALID' })
  t.equal(executor.package('public', 'own')?.activeVersion, '1.0.0')
})

t.test(
  'after a restart the policy and the keys of the day count, for what is stored too',
  async (t) => {
    const place = makePlace(t)
    place.drop(await folder('1.0.0', ours), 'one')
    place.drop(await folder('2.0.0'), 'two')
    const lax = await place.start('off')
    t.equal(lax.package('public', 'own')?.activeVersion, '2.0.0')
    await lax.close()
    const strict = await place.start('require')
    t.equal(strict.package('public', 'own')?.activeVersion, '1.0.0', 'the route is no way round')
    t.equal(refusalOf(strict, 'two'), 'SIGNATURE_MISSING')
    await strict.close()
    const rotated = await place.start('require', [theirs])
    t.equal(rotated.package('public', 'own')?.activeVersion, null)
    t.equal(refusalOf(rotated, 'one'), 'SIGNATURE_UNTRUSTED')
    t.match(await failure(rotated.invoke('public::own::w::t')), { code: 'NO_ACTIVE_VERSION' })
  },
)

t.test('a refused manifest that is corrected is looked at once more, and only then', async (t) => {
  const place = makePlace(t)
  const executor = await place.start('off', [])
  const right = await folder('1.0.0')
  const wrong = await folder('1.0.0')
  edit(wrong, withSetup)
  place.drop(wrong, 'one')
  t.equal(await untilRefused(executor, 'one'), 'DEFINITION_MISMATCH')
  const loads = async (): Promise<number> =>
    (await executor.control({ since: 0, limit: 100 })).filter(({ to }) => to === 'loading').length
  t.equal(await loads(), 1)
  const manifest = join(place.packagesDir, 'one', MANIFEST_FILE)
  writeFileSync(manifest, readFileSync(manifest))
  for (let pass = 0; pass < 10; pass++) await executor.reconcile()
  t.equal(refusalOf(executor, 'one'), 'DEFINITION_MISMATCH')
  t.equal(await loads(), 1, 'written again it is the same manifest')
  cpSync(join(right, MANIFEST_FILE), manifest)
  await untilActive(executor, 'own', '1.0.0')
  t.same(executor.package('public', 'own')?.refusals, [])
  t.equal(await loads(), 2)
  cpSync(join(wrong, MANIFEST_FILE), manifest)
  for (let pass = 0; pass < 10; pass++) await executor.reconcile()
  t.equal(await loads(), 2, 'what serves is not loaded again')
  t.equal(await executor.invoke('public::own::w::t'), '1.0.0')
})

t.test(
  'a manifest that is corrected while the wrong one is loaded is not refused for it',
  async (t) => {
    const place = makePlace(t)
    const waiting = `import { BroadcastChannel } from 'node:worker_threads'
    if (import.meta.url.includes('/slots/')) {
      const channel = new BroadcastChannel('headgate-signatures-test')
      await new Promise((resolve) => {
        channel.onmessage = ({ data }) => data === 'go' && resolve()
        channel.postMessage('here')
      })
      channel.close()
    }`
    const dir = author.source('waiting', own(answering('1', waiting)))
    const wrong = (await author.pack(dir)).to
    edit(wrong, withSetup)
    const right = (await author.pack(dir, [ours.private])).to
    const channel = new BroadcastChannel('headgate-signatures-test')
    t.teardown(() => channel.close())
    let loads = 0
    const began = Promise.withResolvers<void>()
    channel.onmessage = () => {
      // The first load waits until the other manifest has been seen.
      if (++loads > 1) channel.postMessage('go')
      else began.resolve()
    }
    const executor = await place.start('warn')
    place.drop(wrong, 'one')
    await began.promise
    cpSync(join(right, MANIFEST_FILE), join(place.packagesDir, 'one', MANIFEST_FILE))
    const signed = (): boolean =>
      executor.package('public', 'own')?.versions[0]?.signatures.length === 1
    await until(signed, 'the other manifest')
    channel.postMessage('go')
    await untilActive(executor, 'own', '1.0.0')
    t.equal(loads, 2)
    const states = (await executor.control({ since: 0, limit: 100 })).map(({ to }) => to)
    t.ok(states.includes('rejected'), 'the first load was refused')
    t.same(executor.package('public', 'own')?.refusals, [])
  },
)

/** A definition that says what the module does not export. */
function withSetup(manifest: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(manifest['definition'])
  return {
    ...manifest,
    definition: JSON.parse(text.replace('"hasSetup":false', '"hasSetup":true')),
  }
}

/** Another manifest, with its checksum made right and the signatures left as they are. */
function edit(
  folder: string,
  change: (manifest: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): void {
  const path = join(folder, MANIFEST_FILE)
  const content = change(JSON.parse(readFileSync(path, 'utf8')))
  writeFileSync(path, manifestText({ ...content, checksum: manifestChecksum(content) }))
}
