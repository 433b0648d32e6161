/** Archives and the real source thread. */

import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { makePlace, packageFiles, packed, watchPlace } from './drops.ts'
import { FLAG, tarEntry, tarOf, tgz, tgzOf } from './tar-bytes.ts'

t.test('an archive copied in slowly is staged once, when its last byte is there', async (t) => {
  const place = makePlace(t)
  const { source, lines, staged } = watchPlace(t, place)
  await source.start()
  const bytes = tgzOf(packed(packageFiles('alpha', '1.0.0', { 'data.txt': 'x'.repeat(5_000) })))
  mkdirSync(place.path('@acme'))
  for (let at = 0; at < bytes.length; at += 64) {
    t.notOk(lines.some((line) => line.startsWith('staged')))
    appendFileSync(place.path('@acme/a.tgz'), bytes.subarray(at, at + 64))
    await source.reconcile()
  }
  const drop = await staged()
  t.match(drop, { entry: '@acme/a.tgz', tenant: 'acme', package: 'alpha', files: 3 })
  await source.reconcile()
  t.equal(lines.filter((line) => line.startsWith('staged')).length, 1)
  const slot = join(place.root, 'slot')
  await source.link(drop.digest, slot, drop.entryFile)
  t.equal(readFileSync(join(slot, 'data.txt'), 'utf8'), 'x'.repeat(5_000))
})

t.test('a link does not wait for a large archive', async (t) => {
  const place = makePlace(t)
  place.drop('small', packed(packageFiles('small', '1.0.0')))
  const { source, lines, staged } = watchPlace(t, place)
  await source.start()
  const small = await staged()
  const data = Object.fromEntries(
    Array.from({ length: 8 }, (_, at) => [`${at}.txt`, randomBytes(3_000_000).toString('base64')]),
  )
  writeFileSync(place.path('.large'), tgzOf(packed(packageFiles('large', '1.0.0', data))))
  renameSync(place.path('.large'), place.path('large.tgz'))
  const looked = source.reconcile()
  const order: string[] = []
  await Promise.all([
    source
      .link(small.digest, join(place.root, 'slot'), small.entryFile)
      .then(() => order.push('link')),
    looked.then(() => order.push('pass')),
  ])
  t.same(order, ['link', 'pass'])
  await staged((drop) => drop.package === 'large')
  t.equal(lines.at(-1), 'staged large.tgz large@1.0.0')
})

t.test('publish places what would be taken, under a name of its own', async (t) => {
  const place = makePlace(t)
  const { source, staged } = watchPlace(t, place)
  await source.start()
  const path = join(place.root, 'upload')
  writeFileSync(path, tgzOf(packed(packageFiles('@acme/thing', '1.0.0'))))
  const version = { path, tenant: 'public', package: '@acme/thing', version: '1.0.0' }
  const created = await source.publish(version)
  t.match(created, { outcome: 'created', entry: 'acme+thing@1.0.0.tgz', files: 2 })
  t.match(await staged(), { entry: created.entry, digest: created.digest })
  t.match(await source.publish(version), { ...created, outcome: 'present' })
  const refused = async (change: object, bytes?: Buffer): Promise<string> => {
    if (bytes !== undefined) writeFileSync(path, bytes)
    return source.publish({ ...version, ...change }).then(
      () => 'published',
      (error: unknown) => (error instanceof HeadgateError ? error.code : String(error)),
    )
  }
  t.equal(await refused({ package: 'other' }), 'PUBLISH_MISMATCH')
  const link = tarEntry({ path: 'package/l', flag: FLAG.symbolicLink, linkpath: '/' })
  t.equal(await refused({}, tgz(link, tarOf(packageFiles('@acme/thing', '1.0.0')))), 'ARCHIVE_LINK')
  const other = packageFiles('@acme/thing', '1.0.0', { 'more.ts': '' })
  t.equal(await refused({}, tgzOf(other)), 'VERSION_CONFLICT')
  t.equal(await refused({ tenant: 'globex' }), 'published', 'another tenant has its own')
  writeFileSync(place.path('@taken'), 'a file where the folder of a tenant would be')
  t.equal(await refused({ tenant: 'taken' }), 'PUBLISH_FAILED')
  t.equal(await refused({ path: join(place.root, 'gone') }), 'STAGING_DEFERRED')
  t.same(readdirSync(place.packagesDir).sort(), ['@globex', '@taken', 'acme+thing@1.0.0.tgz'])
})
