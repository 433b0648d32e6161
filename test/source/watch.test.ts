import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { entryOf, isIgnoredName } from '../../src/source/scan.ts'
import { makePlace, packageFiles } from './drops.ts'

t.test("a path below the root belongs to an entry, to a tenant's entry, or to none", (t) => {
  t.equal(entryOf(['alpha', 'src', 'index.ts']), 'alpha')
  t.equal(entryOf(['@acme', 'alpha', 'x']), '@acme/alpha')
  for (const parts of [[''], ['..', 'x'], ['.git', 'x'], ['@acme'], ['@acme', '.x'], ['a.part']]) {
    t.equal(entryOf(parts), null, parts.join('/'))
  }
  t.same(['a', '.a', 'a.part', 'a~', 'a.part.b'].map(isIgnoredName), [
    false,
    true,
    true,
    true,
    false,
  ])
  t.end()
})

const limit = 'echo 2 > /proc/sys/user/max_inotify_watches'
const canLimit = spawnSync('unshare', ['-Ur', 'sh', '-c', limit]).status === 0

t.test('without file watches left the source polls and says why', { skip: !canLimit }, (t) => {
  const place = makePlace(t)
  for (const name of ['a', 'b', 'c', 'd']) place.drop(name, packageFiles(name, '1.0.0'))
  const script = fileURLToPath(new URL('./exhausted.ts', import.meta.url))
  const command = `${limit} && exec "$0" "$@"`
  const args = [process.execPath, script, place.packagesDir, place.artifactsDir]
  const env = { PATH: process.env['PATH'] }
  const run = spawnSync('unshare', ['-Ur', 'sh', '-c', command, ...args], { env, timeout: 30_000 })
  t.match(run.stdout.toString(), /"mode":"poll".*ENOSPC/, run.stderr.toString())
  t.equal(run.status, 0)
  t.end()
})
