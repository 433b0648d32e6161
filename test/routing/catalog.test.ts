import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { resolveOptions } from '../../src/domain/package-json.ts'
import { Catalog } from '../../src/routing/catalog.ts'
import type { StagedDrop } from '../../src/source/source.ts'

function drop(version: string, digest = version): StagedDrop {
  return {
    entry: `p-${version}`,
    tenant: 'public',
    package: 'p',
    version,
    digest,
    entryFile: 'index.js',
    options: resolveOptions({}),
    artifactDir: `/artifacts/${digest}`,
    files: 1,
    bytes: 1,
    manifest: null,
    signatures: [],
    doubt: null,
    landedAt: null,
    detectedAt: 0,
    stagedAt: 0,
  }
}

t.test('versions are listed highest first, and a refused one is not eligible', (t) => {
  const catalog = new Catalog()
  for (const version of ['1.2.0', '1.10.0', '2.0.0-rc.1', '1.9.0']) catalog.add(drop(version))
  t.same(catalog.versions(), ['2.0.0-rc.1', '1.10.0', '1.9.0', '1.2.0'])
  const error = new HeadgateError('EXECUTOR_CLOSING').toRecord()
  catalog.refuse({
    drop: drop('1.10.0'),
    kind: 'rejected',
    error,
    since: 1,
    again: 'change',
    retryAt: null,
  })
  t.same(catalog.eligible(), ['2.0.0-rc.1', '1.9.0', '1.2.0'])
  t.match(catalog.refusal('1.10.0'), { kind: 'rejected', since: 1 })
  t.equal(catalog.refusals().length, 1)
  catalog.forgive('1.10.0')
  t.equal(catalog.eligible().length, 4)
  t.end()
})

t.test('a version that left takes its refusal with it', (t) => {
  const catalog = new Catalog()
  catalog.add(drop('1.0.0'))
  const error = new HeadgateError('EXECUTOR_CLOSING').toRecord()
  catalog.refuse({
    drop: drop('1.0.0'),
    kind: 'deferred',
    error,
    since: 1,
    again: 'retry',
    retryAt: 2,
  })
  catalog.remove('1.0.0')
  t.equal(catalog.get('1.0.0'), undefined)
  t.same(catalog.refusals(), [])
  catalog.remove('1.0.0')
  catalog.add(drop('1.0.0', 'later'))
  t.equal(catalog.get('1.0.0')?.digest, 'later')
  t.same(catalog.eligible(), ['1.0.0'])
  t.end()
})
