/** What commands leave behind when a signal ends them. */

import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFiles, writeFiles } from '../helpers/package-files.ts'
import { until } from '../helpers/until.ts'
import { folder, SHIM } from './command.ts'

/** Its entry never ends loading, so that the signal comes while the command is at work. */
const ENDLESS = packageFiles({
  name: 'endless',
  before: 'await new Promise(() => setInterval(() => {}, 1_000))',
  tasks: { say: 'return 1' },
})

t.test('a signal ends pack and inspect with its code, and no temporary folder stays', async (t) => {
  const dir = folder(t)
  writeFiles(join(dir, 'endless'), ENDLESS)
  const cases = [
    ['pack', 'SIGTERM', 143],
    ['pack', 'SIGHUP', 129],
    ['inspect', 'SIGTERM', 143],
    ['inspect', 'SIGINT', 130],
  ] as const
  for (const [command, signal, code] of cases) {
    const name = `${command}, ${signal}`
    const temporary = join(dir, name)
    mkdirSync(temporary)
    const child = spawn(process.execPath, [SHIM, command, 'endless'], {
      cwd: dir,
      env: { PATH: process.env['PATH'], TMPDIR: temporary },
      stdio: 'ignore',
    })
    t.teardown(() => child.kill('SIGKILL'))
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    await until(
      () => readdirSync(temporary).some((entry) => entry.startsWith('headgate-pack-')),
      `${name}: it is at work`,
    )
    child.kill(signal)
    t.equal(await ended, code, name)
    t.same(readdirSync(temporary), [], name)
  }
})
