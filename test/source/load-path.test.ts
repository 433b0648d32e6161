/** Versions loaded from a path and registered, by the real source thread. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { fileListDigest, MANIFEST_FILE } from '../../src/domain/digest.ts'
import { pack } from '../../src/packaging/pack.ts'
import {
  type Files,
  makePlace,
  packageFiles,
  packed,
  type Place,
  watchPlace,
  writeFiles,
} from './drops.ts'
import { tgzOf } from './tar-bytes.ts'

const SAMPLE = fileURLToPath(
  new URL('../../packages-dir/marketing_campaigns-1.3.0', import.meta.url),
)
const files = packageFiles('alpha', '1.0.0')
const other = packageFiles('alpha', '1.0.0', { 'src/more.ts': 'export const more = 1\n' })

function outside(place: Place, name: string, content: Files): string {
  const path = join(place.root, name)
  writeFiles(path, content)
  return path
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${JSON.stringify(await promise)}`
  } catch (error) {
    return error instanceof HeadgateError ? error.code : String(error)
  }
}

/** What the manifest of `content` says its digest is. */
function digestOf(content: Files): string {
  return fileListDigest(JSON.parse(packed(content)[MANIFEST_FILE] ?? '').files)
}

t.test('a loaded version is nobody’s, a registered one is a tenant’s', async (t) => {
  const place = makePlace(t)
  const { source, lines } = watchPlace(t, place)
  await source.start()
  const path = outside(place, 'here', files)
  const loaded = await source.load(path)
  const facts = { entry: path, package: 'alpha', version: '1.0.0', digest: digestOf(files) }
  t.same(loaded, { ...facts, source: null, manifest: null, signatures: [] })
  rmSync(path, { recursive: true })
  const drop = await source.register({ tenant: 'acme', loaded })
  t.match(drop, {
    ...facts,
    tenant: 'acme',
    entryFile: 'src/index.ts',
    artifactDir: join(place.artifactsDir, facts.digest),
    files: 2,
  })
  await source.link(drop.digest, join(place.root, 'slot'), drop.entryFile)
  await source.reconcile()
  t.same(lines, [], 'no event: it lies in no folder')
})

t.test('what is registered is on record for its tenant alone', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place)
  const { source } = seen
  await source.start()
  const loaded = await source.load(outside(place, 'a', files))
  await source.register({ tenant: 'acme', loaded })
  const impostor = await source.load(outside(place, 'b', other))
  t.equal(await codeOf(source.register({ tenant: 'acme', loaded: impostor })), 'VERSION_CONFLICT')
  t.match(await source.register({ tenant: 'globex', loaded: impostor }), { files: 3 })

  place.drop('@acme/x', packed(other))
  const refused = await seen.refused(({ entry }) => entry === '@acme/x')
  t.equal(refused.error.code, 'VERSION_CONFLICT')
  place.drop('@acme/y', packed(files))
  await seen.staged(({ entry }) => entry === '@acme/y')
  place.drop('public', packed(other))
  t.equal((await seen.staged(({ tenant }) => tenant === 'public')).digest, impostor.digest)
  t.equal(await codeOf(source.register({ tenant: 'public', loaded })), 'VERSION_CONFLICT')
})

t.test('a pack and the folder it was packed from are one version', async (t) => {
  const place = makePlace(t)
  const { source } = watchPlace(t, place)
  await source.start()
  const bundle = { ...files, 'src/index.ts': 'export default 1\n' }
  const manifest = JSON.parse(packed(bundle)[MANIFEST_FILE] ?? '')
  const archive = join(place.root, 'alpha.tgz')
  const told = JSON.stringify({ ...manifest, sourceDigest: digestOf(files) })
  writeFileSync(archive, tgzOf({ ...bundle, [MANIFEST_FILE]: told }))
  const [pack, folder] = await Promise.all([
    source.load(archive),
    source.load(outside(place, 'folder', files)),
  ])
  t.equal(pack.source, folder.digest)
  const digests = async (tenant: string, order: readonly (typeof pack)[]): Promise<string[]> => {
    const found: string[] = []
    for (const loaded of order) found.push((await source.register({ tenant, loaded })).digest)
    return found
  }
  t.same(await digests('acme', [pack, folder]), [pack.digest, pack.digest])
  t.same(await digests('globex', [folder, pack]), [folder.digest, folder.digest])
})

t.test('what a packed package declares goes with it to each tenant', async (t) => {
  const place = makePlace(t)
  const { source } = watchPlace(t, place)
  await source.start()
  const packed = await pack({ dir: SAMPLE, out: place.root })
  const loaded = await source.load(packed.path)
  t.equal(loaded.source, packed.sourceDigest)
  t.match(loaded.declared, { definition: { workflows: [{ name: 'marketing_workflow' }] } })
  const drop = await source.register({ tenant: 'acme', loaded })
  t.same(drop.declared, loaded.declared, 'held against the exports of the module')
  const folder = await source.load(SAMPLE)
  t.not(folder.digest, packed.digest)
  const same = await source.register({ tenant: 'acme', loaded: folder })
  t.equal(same.digest, packed.digest, 'its source is the version on record')
})

t.test('what is no package, or not whole, is refused at once', async (t) => {
  const place = makePlace(t)
  const { source } = watchPlace(t, place)
  await source.start()
  const half = packed(files)
  const { 'src/index.ts': _, ...missing } = half
  const text = join(place.root, 'text')
  writeFileSync(text, 'text')
  const empty = join(place.root, 'empty')
  mkdirSync(empty)
  const codes = await Promise.all(
    [join(place.root, 'nowhere'), text, empty, outside(place, 'half', missing)].map((path) =>
      codeOf(source.load(path)),
    ),
  )
  t.same(codes, ['PATH_NOT_FOUND', 'ARCHIVE_NOT_GZIP', 'PACKAGE_JSON_MISSING', 'DROP_INCOMPLETE'])
  const loaded = await source.load(outside(place, 'whole', half))
  rmSync(place.artifactsDir, { recursive: true })
  t.equal(await codeOf(source.register({ tenant: 'acme', loaded })), 'STORE_FAILED')
})
