import t from 'tap'
import { entryOf, isIgnoredName } from '../../src/source/scan.ts'

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
