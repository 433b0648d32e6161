/** What a package can reach from its thread without a grant: its own slot (hazards 14, 16 to 20). */

import { readdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { NETWORK_RESTRICTED } from '../../src/generation/permissions.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
process.env['HEADGATE_TEST_SECRET'] = 'not for packages'
const ground = await openGround(t, {
  tenants: { public: { packages: { talker: { permissions: { net: true } } } } },
})
const { workspace, executor } = ground
const { dataDir, launchDir } = workspace

/** `ask(list)`: each entry is code; its value, or the code of the error it throws. */
const PROBE = `async function ask(list, paths) {
  const modules = {}
  for (const name of ['fs', 'child_process', 'worker_threads', 'inspector', 'wasi', 'net', 'v8', 'module']) {
    modules[name] = await import('node:' + name)
  }
  const found = {}
  for (const text of list) {
    try {
      const act = new Function(...Object.keys(modules), 'path', 'slot',
        'return (async () => { return ' + text + ' })()')
      const value = await act(...Object.values(modules), paths, import.meta.dirname)
      found[text] = ['open', typeof value]
    } catch (error) {
      found[text] = error.code ?? String(error)
    }
  }
  return found
}`

const name = await ground.drop({
  before: PROBE,
  tasks: {
    ask: 'return ask(ctx.input.list, ctx.input.paths)',
    environment: 'return { ...process.env }',
    cwd: `const { readdirSync } = await import('node:fs'); return readdirSync('.')`,
  },
})

async function ask(
  list: readonly string[],
  paths: Readonly<Record<string, string | number>> = {},
): Promise<Record<string, unknown>> {
  return (await ground.call(name, 'ask', { list, paths })) as Record<string, unknown>
}

const DENIED = 'ERR_ACCESS_DENIED'

t.test('it reads its own slot and nothing else', async (t) => {
  workspace.writePackage({ tenant: 'other', name: 'private', tasks: { a: 'return 1' } })
  await executor.reconcile()
  const row = executor.package('other', 'private')
  const slots = readdirSync(join(dataDir, 'slots')).map((slot) => join(dataDir, 'slots', slot))
  const otherSlots = slots.filter((slot) => readdirSync(slot).length > 0)
  writeFileSync(join(dataDir, 'endpoint.json'), '{}')
  const own = await ask(['fs.readFileSync(slot + "/index.js")', 'fs.readdirSync(slot)'])
  t.same(Object.values(own), [
    ['open', 'object'],
    ['open', 'object'],
  ])
  const paths: Record<string, string> = {
    launch: join(launchDir, 'package.json'),
    launchDir,
    store: join(dataDir, readdirSync(dataDir).find((file) => /\.(db|sqlite)/.test(file)) ?? ''),
    dataDir,
    endpoint: join(dataDir, 'endpoint.json'),
    artifact: join(dataDir, 'artifacts', row?.versions[0]?.digest ?? '', 'index.js'),
    drop: join(workspace.packagesDir, '@other', 'private-1.0.0', 'index.js'),
    passwd: '/etc/passwd',
    environ: '/proc/self/environ',
    memory: '/proc/self/mem',
    root: workspace.root,
  }
  const denied = await ask(
    [
      ...Object.keys(paths).map((key) => `fs.readFileSync(path.${key})`),
      'fs.readdirSync(path.dataDir)',
      'fs.readdirSync(path.launchDir)',
      'fs.promises.readFile(path.launch)',
      'fs.openAsBlob(path.launch).then((blob) => blob.text())',
      'fs.readFileSync(slot + "/../../endpoint.json")',
      'fs.statSync(path.launch).size',
      'module.createRequire(path.launch)(path.launch)',
      'import(path.launch, { with: { type: "json" } })',
    ],
    paths,
  )
  for (const [what, how] of Object.entries(denied)) t.equal(how, DENIED, what)
  t.ok(otherSlots.length >= 3, 'there are slots of others')
  const reached = await ask(otherSlots.map((slot) => `fs.readdirSync(${JSON.stringify(slot)})`))
  const open = Object.values(reached).filter((how) => how !== DENIED)
  t.equal(open.length, 1, 'of all slots, its own')
})

t.test('it writes nowhere, its slot included', async (t) => {
  const denied = await ask(
    [
      'fs.writeFileSync(slot + "/index.js", "")',
      'fs.appendFileSync(slot + "/new.js", "")',
      'fs.mkdirSync(slot + "/new")',
      'fs.unlinkSync(slot + "/index.js")',
      'fs.renameSync(slot + "/index.js", slot + "/other.js")',
      'fs.symlinkSync("/etc/passwd", slot + "/link")',
      'fs.linkSync(slot + "/index.js", path.root + "/link")',
      'fs.chmodSync(slot + "/index.js", 0o777)',
      'fs.writeFileSync(path.root + "/x", "")',
      'fs.openSync("/dev/shm/x", "w")',
      'fs.truncateSync(slot + "/index.js")',
      'v8.writeHeapSnapshot(path.root + "/heap")',
    ],
    { root: workspace.root },
  )
  for (const [what, how] of Object.entries(denied)) t.equal(how, DENIED, what)
  t.same(readdirSync(workspace.root).sort(), ['data', 'empty', 'packages'])
})

t.test('it starts nothing and leaves its thread by no back door', async (t) => {
  const denied = await ask([
    'child_process.spawnSync("true")',
    'child_process.execSync("true")',
    'child_process.fork(slot + "/index.js")',
    'new worker_threads.Worker("", { eval: true })',
    'new worker_threads.Worker("", { eval: true, execArgv: [] })',
    'new wasi.WASI({ version: "preview1" })',
  ])
  for (const [what, how] of Object.entries(denied)) t.equal(how, DENIED, what)
  const closed = await ask([
    'new inspector.Session().connectToMainThread()',
    'new inspector.Session().connect()',
    'inspector.open(0)',
    'process.binding("fs")',
    'process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libm.so.6")',
    'process.chdir("/")',
  ])
  for (const [what, how] of Object.entries(closed)) {
    t.match(how, /^ERR_(ACCESS_DENIED|DLOPEN_DISABLED|WORKER_UNSUPPORTED_OPERATION)$/, what)
  }
})

t.test('it sees no variable of the environment', async (t) => {
  t.same(await ground.call(name, 'environment'), {})
})

t.test('its working directory is the empty one of the executor', async (t) => {
  t.same(await ground.call(name, 'cwd'), [])
})

t.test('it reaches the network only with a grant', async (t) => {
  const server = createServer((socket) => void socket.end('reached'))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const connect = `new Promise((resolve, reject) => {
    const socket = net.connect(path.port, '127.0.0.1')
    socket.on('data', resolve).on('error', reject)
  })`
  const listen =
    'new Promise((resolve, reject) => net.createServer().on("error", reject).listen(0, resolve))'
  if (NETWORK_RESTRICTED) {
    t.match(await ask([connect, listen], { port }), { [connect]: DENIED, [listen]: DENIED })
    t.equal(executor.status().isolation.network, 'restricted')
  } else {
    t.comment('Node 24 cannot restrict the network of a thread; status says so')
    t.equal(executor.status().isolation.network, 'open')
  }
  const talks = {
    before: PROBE,
    headgate: { permissions: { net: true } },
    tasks: { ask: 'return ask(ctx.input.list, ctx.input.paths)' },
  }
  workspace.writePackage({ ...talks, name: 'stranger' })
  workspace.writePackage({ ...talks, name: 'talker' })
  await executor.reconcile()
  t.match(executor.package('public', 'stranger'), {
    activeVersion: null,
    refusals: [{ error: { code: 'PERMISSION_NOT_GRANTED', details: { permission: 'net' } } }],
  })
  const found = await ground.call('talker', 'ask', { list: [connect], paths: { port } })
  t.same(found, { [connect]: ['open', 'object'] })
})
