import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openWorkspace } from '../../bench/lib/workspace.ts'

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))

for (const [why, args] of [
  ['no scenario', []],
  ['an unknown scenario', ['speed']],
  ['an unknown option', ['dispatch', '--fast']],
  ['rounds that are no number', ['dispatch', '--rounds', 'many']],
] as const) {
  t.test(`bench answers ${why} with its usage and exit code 2`, (t) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      encoding: 'utf8',
      env: {},
    })
    t.equal(status, 2)
    t.equal(stdout, '')
    t.match(stderr, /usage: npm run bench/)
    t.end()
  })
}

t.test('a workspace is gone after its scope', (t) => {
  let dir: string
  {
    using workspace = openWorkspace('test')
    dir = workspace.dir
    t.ok(existsSync(workspace.folder('a/b')))
  }
  t.notOk(existsSync(dir))
  t.end()
})
