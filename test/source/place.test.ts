import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { place } from '../../src/source/place.ts'
import { makePlace } from './drops.ts'

t.test('a drop is placed below packages-dir, whose tenant folder is made', (t) => {
  const { root, packagesDir } = makePlace(t)
  const from = join(root, 'x')
  writeFileSync(from, 'bytes')
  for (const entry of ['x.tgz', '@acme/x.tgz', '@acme/y.tgz']) place(from, packagesDir, entry)
  t.same(readdirSync(packagesDir, { recursive: true }).sort(), [
    '@acme',
    '@acme/x.tgz',
    '@acme/y.tgz',
    'x.tgz',
  ])
  t.end()
})

t.test('where packages-dir is missing nothing is placed and nothing is made', (t) => {
  const { root } = makePlace(t)
  const from = join(root, 'x')
  const missing = join(root, 'gone')
  writeFileSync(from, 'bytes')
  for (const entry of ['x.tgz', '@acme/x.tgz']) {
    t.throws(() => place(from, missing, entry), { code: 'PUBLISH_FAILED', message: /ENOENT/ })
  }
  t.notOk(existsSync(missing))
  t.end()
})
