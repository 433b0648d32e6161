import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stop } from 'esbuild'
import t from 'tap'
import { packFolder } from '../../src/packaging/pack.ts'
import { definePackage, workflow } from '../../src/sdk/index.ts'
import { compat } from '../../src/testing/index.ts'

const SAMPLE = join(import.meta.dirname, '../../packages-dir/analytics_pipeline-2.1.0')

t.test('a version is compared with a packed one, whichever way that is named', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'headgate-compat-'))
  t.teardown(async () => {
    await stop()
    rmSync(root, { recursive: true })
  })
  const packed = join(root, 'packed')
  await packFolder({ dir: SAMPLE, to: packed })
  const { default: definition } = (await import(
    pathToFileURL(join(SAMPLE, 'src/index.ts')).href
  )) as {
    default: Parameters<typeof compat>[0]
  }
  const same = compat(definition, { dir: SAMPLE, previous: packed })
  t.match(same, { changes: [], breaking: false, bump: 'patch', lowest: '2.1.1', honoured: true })
  const manifest = join(packed, 'headgate.manifest.json')
  t.same(
    compat(definition, { dir: pathToFileURL(SAMPLE), previous: pathToFileURL(manifest) }),
    same,
  )

  const next = join(root, 'next')
  mkdirSync(next)
  cpSync(join(SAMPLE, 'package.json'), join(next, 'package.json'))
  const json = JSON.parse(readFileSync(join(next, 'package.json'), 'utf8')) as object
  writeFileSync(join(next, 'package.json'), JSON.stringify({ ...json, version: '3.0.0' }))
  const other = definePackage({
    workflows: [workflow('other').task('only', { run: () => 1 })],
  })
  const gone = compat(other, { dir: next, previous: packed })
  t.match(gone, { breaking: true, bump: 'major', lowest: '3.0.0', honoured: true })
  t.ok(gone.changes.some(({ where, breaking }) => where === 'analytics_workflow' && breaking))

  writeFileSync(
    join(next, 'list.json'),
    JSON.stringify({ contract: 1, files: [{ path: 'a', size: 0, sha256: '0'.repeat(64) }] }),
  )
  const list = { dir: next, previous: join(next, 'list.json') }
  t.throws(() => compat(other, list), { code: 'MANIFEST_INVALID', message: /headgate pack/ })
  const nowhere = { dir: next, previous: join(root, 'nowhere') }
  t.throws(() => compat(other, nowhere), { code: 'PATH_NOT_FOUND' })
})
