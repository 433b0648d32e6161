import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { entryOf, isIgnoredName } from '../../src/source/scan.ts'
import { watchRoot } from '../../src/source/watch.ts'

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

t.test('a root that is a link is watched where it leads', async (t) => {
  const dir = t.testdir({ real: {} })
  const root = join(dir, 'link')
  symlinkSync('real', root)
  const ready = Promise.withResolvers<void>()
  const hinted = Promise.withResolvers<string | null>()
  const watching = watchRoot(root, {
    hint: (entry) => {
      if (entry !== null) hinted.resolve(entry)
    },
    ready: ready.resolve,
    uncertain: () => {},
    exhausted: (reason) => hinted.reject(new Error(reason)),
  })
  t.teardown(() => watching.close())
  await ready.promise
  mkdirSync(join(root, 'alpha'))
  writeFileSync(join(root, 'alpha', 'package.json'), '{}')
  t.equal(await hinted.promise, 'alpha')
  t.ok(watching.folders > 0)
})
