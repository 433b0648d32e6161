import { mkdirSync, rmSync } from 'node:fs'
import t from 'tap'
import {
  NETWORK_RESTRICTED,
  NO_GRANTS,
  assertCwdIsEmpty,
  permissionArguments,
} from '../../src/generation/permissions.ts'
import { openWorkspace, startExecutor } from '../helpers/workspace.ts'

const workspace = openWorkspace(t)

t.test('a thread is granted reading of its own code, of its slot and of piscina', (t) => {
  const granted = permissionArguments('/data/slots/7', '/code', NO_GRANTS)
  t.equal(granted[0], '--permission')
  t.ok(granted.includes('--allow-fs-read=/data/slots/7/*'))
  t.ok(granted.every((one, i) => i === 0 || one.startsWith('--allow-fs-read=/')))
  t.ok(granted.includes('--allow-fs-read=/code/*'))
  t.ok(granted.slice(3).every((one) => /\/piscina\/(dist\/\*|package\.json)$/.test(one)))
  t.end()
})

t.test('grants are added, and the network where Node can restrict it', (t) => {
  const grants = { net: true, read: ['/in/*'], write: ['/out/*'] }
  const granted = permissionArguments('/slot', '/code', grants)
  t.ok(granted.includes('--allow-fs-read=/in/*'))
  t.ok(granted.includes('--allow-fs-write=/out/*'))
  t.equal(granted.includes('--allow-net'), NETWORK_RESTRICTED)
  t.notOk(granted.some((one) => /addons|child|worker|inspector|wasi/.test(one)))
  t.end()
})

t.test('a working directory with anything in it is refused', async (t) => {
  assertCwdIsEmpty()
  mkdirSync('something')
  const { packagesDir } = workspace
  const refused = { code: 'CWD_EXPOSED', details: { cwd: process.cwd() } }
  t.throws(() => assertCwdIsEmpty(), refused)
  await t.rejects(startExecutor(t, { ...workspace, packagesDir }), refused)
  rmSync('something', { recursive: true })
  assertCwdIsEmpty()
})

t.test('without permissions the working directory is of no matter', async (t) => {
  mkdirSync('something')
  const executor = await startExecutor(t, workspace, { permissions: 'off' })
  t.equal(executor.status().isolation.permissions, 'off')
  t.equal(executor.status().isolation.network, 'open')
  await executor.close()
  rmSync('something', { recursive: true })
})
