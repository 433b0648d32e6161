/** Publishing to a real executor, over a real server. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import { createClient, type HeadgateClient } from '../../src/client/client.ts'
import type { Executor, ExecutorOptions } from '../../src/index.ts'
import { type RunningServer, startServer } from '../../src/server/start-server.ts'
import { type PackageText, packageFiles } from '../helpers/package-files.ts'
import { until } from '../helpers/until.ts'
import { openWorkspace, startExecutor, type Workspace } from '../helpers/workspace.ts'
import { FLAG, tarEntry, tgzOf } from '../source/tar-bytes.ts'
import { failure, untilActive, untilLooked } from './helpers.ts'

interface Served {
  readonly workspace: Workspace
  readonly executor: Executor
  readonly server: RunningServer
  readonly client: HeadgateClient
  /** Paths below packages-dir. */
  readonly dropped: () => readonly string[]
}

const MOST = 20_000
const TOKEN = 'token-of-this-start'
const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` }

async function served(t: Test, options: Partial<ExecutorOptions> = {}): Promise<Served> {
  const workspace = openWorkspace(t)
  const timing = { spare: false, reconcileMs: 100 }
  const executor = await startExecutor(t, workspace, { ...timing, ...options })
  const limits = { maxArchiveBytes: MOST, maxPayloadBytes: 1024 }
  const rest = { host: '127.0.0.1', port: 0, logger: silentLogger, version: '0.1.0', token: TOKEN }
  const server = await startServer({ executor, ...rest, ...limits })
  t.teardown(() => server.close())
  const dropped = (): readonly string[] =>
    readdirSync(workspace.packagesDir, { recursive: true }).map(String).sort()
  return {
    workspace,
    executor,
    server,
    client: createClient({ url: server.url, token: TOKEN }),
    dropped,
  }
}

function archive(text: Partial<PackageText> & { readonly name: string }): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    tgzOf(packageFiles({ tasks: { say: `return '${text.version}'` }, ...text })),
  )
}

function digestOf(bytes: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
}

t.test(
  'a published version is dropped, loaded and served; the same bytes again do nothing',
  async (t) => {
    const { executor, client, dropped, workspace } = await served(t)
    const bytes = archive({ name: 'mailer', version: '1.0.0' })
    const version = { package: 'mailer', version: '1.0.0', archive: bytes }
    const created = await client.publish(version)
    t.match(created, {
      outcome: 'created',
      entry: 'mailer@1.0.0.tgz',
      tenant: 'public',
      package: 'mailer',
      version: '1.0.0',
      digest: /^[0-9a-f]{64}$/,
      files: 2,
    })
    await untilActive(executor, 'mailer', '1.0.0')
    t.equal(await executor.invoke('public::mailer::w::say'), '1.0.0')
    t.equal(executor.package('public', 'mailer')?.versions[0]?.digest, created.digest)
    t.same(await client.publish(version), { ...created, outcome: 'present' })
    const other = {
      ...version,
      archive: archive({ name: 'mailer', version: '1.0.0', before: '//' }),
    }
    t.match(await failure(client.publish(other)), { code: 'VERSION_CONFLICT', status: 409 })
    t.same(dropped(), ['mailer@1.0.0.tgz'])
    t.ok(readFileSync(join(workspace.packagesDir, 'mailer@1.0.0.tgz')).equals(bytes))
    t.same(readdirSync(join(workspace.dataDir, 'uploads')), [])

    await client.publish({
      ...version,
      version: '1.1.0',
      archive: archive({ name: 'mailer', version: '1.1.0' }),
    })
    await untilActive(executor, 'mailer', '1.1.0')
    t.equal(await executor.invoke('public::mailer::w::say'), '1.1.0')
  },
)

t.test('a scoped package of a tenant goes into the folder of the tenant', async (t) => {
  const { executor, client, dropped } = await served(t)
  const bytes = archive({ name: '@acme/thing', version: '1.0.0-rc.1' })
  const version = {
    tenant: 'globex',
    package: '@acme/thing',
    version: '1.0.0-rc.1',
    archive: bytes,
  }
  t.match(await client.publish(version), {
    outcome: 'created',
    tenant: 'globex',
    package: '@acme/thing',
  })
  t.same(dropped(), ['@globex', '@globex/acme+thing@1.0.0-rc.1.tgz'])
  await untilLooked(
    executor,
    'the version',
    () => executor.package('globex', '@acme/thing')?.versions[0],
  )
  t.equal((await client.publish(version)).outcome, 'present')
})

t.test(
  'without the token of this start nothing is published, and the answer says so',
  async (t) => {
    const { server, dropped } = await served(t)
    const version = {
      tenant: 'globex',
      package: 'mailer',
      version: '9.0.0',
      archive: archive({ name: 'mailer', version: '9.0.0' }),
    }
    const none = await failure(createClient({ url: server.url }).publish(version))
    t.match(none, { code: 'TOKEN_REFUSED', status: 401, message: /none was sent/ })
    const other = createClient({ url: server.url, token: `${TOKEN}x` })
    t.match(await failure(other.publish(version)), { message: /another one/ })
    const path = '/v1/tenants/globex/packages/mailer/versions/9.0.0'
    const answered = await fetch(server.url + path, { method: 'PUT' })
    t.equal(answered.headers.get('www-authenticate'), 'Bearer')
    t.match(await answered.json(), { code: 'TOKEN_REFUSED' })
    t.same(dropped(), [])
  },
)

t.test('of two archives of one version published at once one wins', async (t) => {
  const { client, dropped } = await served(t)
  const publish = (before: string): Promise<unknown> =>
    client.publish({
      package: 'mailer',
      version: '1.0.0',
      archive: archive({ name: 'mailer', version: '1.0.0', before }),
    })
  const ends = await Promise.allSettled(['// a', '// b', '// a', '// b'].map(publish))
  const outcomes = ends.map((end) =>
    end.status === 'fulfilled' ? Reflect.get(Object(end.value), 'outcome') : end.reason.code,
  )
  t.same(outcomes.sort(), ['VERSION_CONFLICT', 'VERSION_CONFLICT', 'created', 'present'])
  t.same(dropped(), ['mailer@1.0.0.tgz'])
})

t.test(
  'a version whose file was spoiled is still there, and still cannot be other bytes',
  async (t) => {
    const { executor, client, workspace } = await served(t)
    const version = {
      package: 'mailer',
      version: '1.0.0',
      archive: archive({ name: 'mailer', version: '1.0.0' }),
    }
    await client.publish(version)
    await untilActive(executor, 'mailer', '1.0.0')
    writeFileSync(join(workspace.packagesDir, 'mailer@1.0.0.tgz'), 'no archive any longer')
    await untilLooked(executor, 'the refusal', () =>
      executor.status().refusals.some(({ error }) => error.code === 'ARCHIVE_NOT_GZIP'),
    )
    t.equal((await client.publish(version)).outcome, 'present', 'it is served on')
    const other = archive({ name: 'mailer', version: '1.0.0', before: '//' })
    t.match(await failure(client.publish({ ...version, archive: other })), {
      code: 'VERSION_CONFLICT',
    })
  },
)

t.test('a version whose drop was just taken away is published anew', async (t) => {
  const { executor, client, dropped, workspace } = await served(t, { reconcileMs: 60_000 })
  const archived = { name: 'mailer', version: '1.0.0' }
  const version = { package: 'mailer', version: '1.0.0', archive: archive(archived) }
  workspace.writePackage({ ...archived, tasks: { say: `return '1.0.0'` } })
  await untilActive(executor, 'mailer', '1.0.0')
  const there = await client.publish(version)
  t.match(there, { outcome: 'present', entry: 'mailer-1.0.0' }, 'the entry that is there is named')
  workspace.removePackage('mailer')
  t.match(await client.publish(version), { outcome: 'created', entry: 'mailer@1.0.0.tgz' })
  t.same(dropped(), ['mailer@1.0.0.tgz'])
})

t.test(
  'publishing makes no packages-dir where there is none, and nothing is removed',
  async (t) => {
    const { executor, client, workspace } = await served(t, { removeAfterMs: 0 })
    const version = (
      name: string,
    ): { package: string; version: string; archive: Uint8Array<ArrayBuffer> } => ({
      package: name,
      version: '1.0.0',
      archive: archive({ name, version: '1.0.0' }),
    })
    await client.publish(version('mailer'))
    await untilActive(executor, 'mailer', '1.0.0')
    renameSync(workspace.packagesDir, workspace.path('away'))
    for (const tenant of ['public', 'acme']) {
      const failed = await failure(client.publish({ ...version('other'), tenant }))
      t.match(failed, { code: 'PUBLISH_FAILED', message: /ENOENT/ })
      t.match(await failure(client.publish({ ...version('mailer'), tenant })), {
        code: 'PUBLISH_FAILED',
      })
    }
    t.notOk(existsSync(workspace.packagesDir))
    await executor.reconcile()
    await executor.reconcile()
    t.equal(await executor.invoke('public::mailer::w::say'), '1.0.0')
    renameSync(workspace.path('away'), workspace.packagesDir)
    t.match(await client.publish({ ...version('mailer'), tenant: 'acme' }), { outcome: 'created' })
  },
)

t.test('what may not be published is refused with its code, and leaves nothing', async (t) => {
  const { server, dropped, workspace } = await served(t)
  const good = archive({ name: 'mailer', version: '1.0.0' })
  const tar = gunzipSync(good)
  const link = tarEntry({ path: 'package/l', flag: FLAG.symbolicLink, linkpath: '/etc/passwd' })
  const hostile = gzipSync(Buffer.concat([link, tar]))
  const large = Buffer.alloc(MOST + 1)
  const URL_OF = '/v1/tenants/public/packages/mailer/versions/1.0.0'
  const put = (
    path: string,
    body: Uint8Array | null,
    headers: Record<string, string> = {},
    method = 'PUT',
  ): Promise<{ status: number; code: string; allow: string | undefined }> =>
    send(`${server.url}${path}`, method, body, {
      'content-type': 'application/gzip',
      'content-digest': digestOf(body ?? Buffer.alloc(0)),
      ...AUTHORIZATION,
      ...headers,
    })
  const none = { 'content-digest': '' }
  const cases: readonly [string, ReturnType<typeof put>, number, string][] = [
    ['no digest', put(URL_OF, good, none), 400, 'DIGEST_MISSING'],
    [
      'another algorithm',
      put(URL_OF, good, { 'content-digest': 'sha-512=:AAAA:' }),
      400,
      'DIGEST_MISSING',
    ],
    [
      'a wrong digest',
      put(URL_OF, good, { 'content-digest': digestOf(tar) }),
      400,
      'DIGEST_MISMATCH',
    ],
    ['JSON', put(URL_OF, good, { 'content-type': 'application/json' }), 415, 'HTTP_CONTENT_TYPE'],
    ['compression', put(URL_OF, good, { 'content-encoding': 'gzip' }), 400, 'HTTP_BODY_INVALID'],
    ['too much, said before', put(URL_OF, large), 413, 'PAYLOAD_TOO_LARGE'],
    [
      'too much, not said',
      put(URL_OF, large, { 'transfer-encoding': 'chunked' }),
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    ['a link', put(URL_OF, hostile), 422, 'ARCHIVE_LINK'],
    ['half an archive', put(URL_OF, good.subarray(0, 100)), 422, 'ARCHIVE_TRUNCATED'],
    ['no archive', put(URL_OF, Buffer.from('{}')), 422, 'ARCHIVE_NOT_GZIP'],
    ['nothing', put(URL_OF, Buffer.alloc(0)), 422, 'ARCHIVE_TRUNCATED'],
    ['another name', put(URL_OF.replace('mailer', 'mailr'), good), 422, 'PUBLISH_MISMATCH'],
    ['another version', put(URL_OF.replace('1.0.0', '1.0.1'), good), 422, 'PUBLISH_MISMATCH'],
    ['no version', put(URL_OF.replace('1.0.0', 'latest'), good), 422, 'VERSION_INVALID'],
    ['a tenant that leads out', put(URL_OF.replace('public', '..%2Fx'), good), 400, 'NAME_INVALID'],
    [
      'a package that leads out',
      put(URL_OF.replace('mailer', '..%2Fx'), good),
      400,
      'NAME_INVALID',
    ],
    ['an unknown query', put(`${URL_OF}?force=1`, good), 400, 'OPTION_INVALID'],
    ['no token', put(URL_OF, good, { authorization: '' }), 401, 'TOKEN_REFUSED'],
    [
      'a token of another start',
      put(URL_OF, good, { authorization: 'Bearer other' }),
      401,
      'TOKEN_REFUSED',
    ],
    [
      'half of the token',
      put(URL_OF, good, { authorization: AUTHORIZATION.authorization.slice(0, -1) }),
      401,
      'TOKEN_REFUSED',
    ],
    [
      'another scheme',
      put(URL_OF, good, { authorization: `Basic ${TOKEN}` }),
      401,
      'TOKEN_REFUSED',
    ],
    ['no token, and too much', put(URL_OF, large, { authorization: '' }), 401, 'TOKEN_REFUSED'],
    ['a foreign page', put(URL_OF, good, { origin: 'http://evil.example' }), 403, 'ORIGIN_REFUSED'],
    ['a rebound name', put(URL_OF, good, { host: 'evil.example' }), 403, 'HOST_HEADER_REFUSED'],
  ]
  for (const [what, answer, status, code] of cases) {
    const { allow: _allow, ...found } = await answer
    t.same(found, { status, code }, what)
  }
  t.match(await put(URL_OF, good, {}, 'POST'), { status: 405, code: 'HTTP_METHOD', allow: 'PUT' })
  t.match(await put('/v1/packages', good), { status: 405, code: 'HTTP_METHOD' })
  t.same(dropped(), [])
  t.same(readdirSync(join(workspace.dataDir, 'uploads')), [])
  const octets = { 'content-type': 'application/octet-stream' }
  const list = { 'content-digest': `sha-512=:${'A'.repeat(86)}==:, ${digestOf(good)}` }
  t.match(await put(URL_OF, good, { ...octets, ...list }), { status: 201 })
})

t.test('an upload that breaks off leaves nothing, and the next one succeeds', async (t) => {
  const { server, client, dropped, workspace } = await served(t)
  const bytes = archive({ name: 'mailer', version: '1.0.0' })
  const uploads = join(workspace.dataDir, 'uploads')
  const request = httpRequest(`${server.url}/v1/tenants/public/packages/mailer/versions/1.0.0`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/gzip',
      'content-digest': digestOf(bytes),
      ...AUTHORIZATION,
    },
  })
  request.on('error', () => {})
  request.write(bytes.subarray(0, 200))
  await until(() => readdirSync(uploads).length === 1, 'the upload has begun')
  request.destroy()
  await until(() => readdirSync(uploads).length === 0, 'the upload is gone')
  t.same(dropped(), [])
  t.equal(
    (await client.publish({ package: 'mailer', version: '1.0.0', archive: bytes })).outcome,
    'created',
  )
})

t.test('uploads of an earlier process go at the start; a closed executor takes none', async (t) => {
  const workspace = openWorkspace(t)
  const first = await startExecutor(t, workspace, { spare: false })
  await first.close()
  const left = join(workspace.dataDir, 'uploads', 'left')
  writeFileSync(left, 'x')
  const second = await startExecutor(t, workspace, { spare: false })
  t.notOk(existsSync(left))
  await second.close()
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    yield archive({ name: 'mailer', version: '1.0.0' })
  }
  const late = second.publish({
    tenant: 'public',
    package: 'mailer',
    version: '1.0.0',
    archive: parts(),
  })
  t.match(await failure(late), { code: 'EXECUTOR_CLOSING' })
})

/** fetch sets Host and length itself. */
function send(
  url: string,
  method: string,
  body: Uint8Array | null,
  headers: Record<string, string>,
): Promise<{ status: number; code: string; allow: string | undefined }> {
  return new Promise((resolve, reject) => {
    const length =
      headers['transfer-encoding'] === undefined ? { 'content-length': body?.length ?? 0 } : {}
    const request = httpRequest(url, { method, headers: { ...headers, ...length } }, (response) => {
      let text = ''
      response.on('data', (part) => (text += part))
      response.on('end', () => {
        const { code = '' } = JSON.parse(text)
        resolve({ status: response.statusCode ?? 0, code, allow: response.headers.allow })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}
