/** A source in surroundings that only a process of its own can have: no file watches, few rights. */

import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { until } from '../helpers/until.ts'
import { makePlace, packageFiles, packed } from './drops.ts'
import type { Place } from './drops.ts'

const PROGRAM = fileURLToPath(new URL('./source-program.ts', import.meta.url))
const NOBODY = '65534'

/** Runs the program behind `prefix`; `lines` are what it has printed. */
function run(
  t: Test,
  place: Place,
  prefix: readonly string[],
): { lines: Record<string, unknown>[]; errors: () => string; end(): Promise<number | null> } {
  const [command, ...args] = [
    ...prefix,
    process.execPath,
    PROGRAM,
    place.packagesDir,
    place.artifactsDir,
  ]
  const child = spawn(command, args, { env: { PATH: process.env['PATH'] }, cwd: '/' })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.teardown(() => child.kill('SIGKILL'))
  const lines: Record<string, unknown>[] = []
  let rest = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((line): Record<string, unknown> => JSON.parse(line)))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  return {
    lines,
    errors: () => errors,
    end() {
      child.stdin.end()
      return closed
    },
  }
}

const LIMITS = [
  { file: 'max_inotify_watches', most: 2, code: 'ENOSPC' },
  { file: 'max_inotify_instances', most: 0, code: 'EMFILE' },
]

for (const { file, most, code } of LIMITS) {
  t.test(`with ${file} at ${most} the source polls, says why, and finds every drop`, async (t) => {
    const limit = `echo ${most} > /proc/sys/user/${file}`
    const tried = spawnSync('unshare', ['-Ur', 'sh', '-c', limit])
    if (tried.status !== 0) {
      const why = tried.error?.message ?? tried.stderr.toString()
      t.match(why, /\S/, 'this machine gives its user no namespace of users')
      return
    }
    const place = makePlace(t)
    for (const name of ['a', 'b', 'c', 'd']) {
      place.drop(name, packed(packageFiles(name, '1.0.0')))
    }
    const source = run(t, place, ['unshare', '-Ur', 'sh', '-c', `${limit} && exec "$0" "$@"`])
    await until(() => source.lines.some(({ state }) => state === 'degraded'), source.errors())
    t.match(
      source.lines.find(({ state }) => state === 'degraded'),
      { mode: 'poll', reason: `no file watches left (${code})`, watches: 0 },
    )
    place.drop('later', packed(packageFiles('later', '1.0.0')))
    await until(() => source.lines.some(({ staged }) => staged === 'later'), source.errors())
    t.equal(await source.end(), 0)
  })
}

t.test('a source without rights names what it cannot read, and takes the rest', async (t) => {
  const place = makePlace(t)
  const prefix = withoutRights()
  if (prefix === null) {
    t.not(process.getuid?.(), undefined, 'this machine does not let root give up its rights')
    return
  }
  chmodSync(place.root, 0o755)
  mkdirSync(place.artifactsDir)
  chmodSync(place.artifactsDir, 0o777)
  for (const name of ['file', 'folder', 'top', '@acme/hidden', 'whole']) {
    place.drop(name, packed(packageFiles(name.split('/').at(-1) ?? '', '1.0.0')))
  }
  const sealed = [join('file', 'src', 'index.ts'), join('folder', 'src'), 'top', '@acme']
  for (const path of sealed) chmodSync(place.path(path), 0)
  t.teardown(() => {
    for (const path of sealed) chmodSync(place.path(path), 0o755)
  })
  const source = run(t, place, prefix)
  const refused = (entry: string): Record<string, unknown> | undefined =>
    source.lines.find((line) => line['refused'] === entry)
  await until(
    () => ['file', 'folder', 'top', '@acme'].every((entry) => refused(entry) !== undefined),
    `four refusals ${source.errors()}`,
  )
  t.match(refused('file'), { kind: 'incomplete', message: /src\/index\.ts cannot be read: EACCES/ })
  t.match(refused('folder'), { kind: 'incomplete', message: /src cannot be read: EACCES/ })
  t.match(refused('top'), { kind: 'incomplete', message: /the folder cannot be read: EACCES/ })
  t.match(refused('@acme'), { kind: 'incomplete', message: /cannot be listed: EACCES/ })
  await until(() => source.lines.some(({ staged }) => staged === 'whole'), source.errors())

  for (const path of sealed) chmodSync(place.path(path), 0o755)
  await until(
    () => source.lines.filter(({ staged }) => staged !== undefined).length === 5,
    'all of them once they can be read',
  )
  chmodSync(place.packagesDir, 0)
  await until(() => source.lines.at(-1)?.['mode'] === 'missing', 'the root to be missed')
  t.match(source.lines.at(-1), { state: 'degraded', reason: /cannot be read: EACCES/ })
  chmodSync(place.packagesDir, 0o755)
  await until(() => source.lines.at(-1)?.['mode'] === 'events', 'the root to be back')
  t.equal(source.lines.at(-1)?.['state'], 'ok')
  t.equal(await source.end(), 0)
})

/** A command that runs another without root's rights; nothing when there are none; null: cannot. */
function withoutRights(): readonly string[] | null {
  if (process.getuid?.() !== 0) return ['env']
  // In a user namespace that maps nobody root is an ordinary owner of its files.
  const mapsNobody = ['unshare', '-U']
  const nobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  return [mapsNobody, nobody].find(canRun) ?? null
}

/** Whether the program can be read, which may lie in a folder of root's alone. */
function canRun(prefix: readonly string[]): boolean {
  const look = 'require("node:fs").readFileSync(process.argv[1])'
  const [command, ...args] = [...prefix, process.execPath, '-e', look, PROGRAM]
  return spawnSync(command, args, { cwd: '/' }).status === 0
}
