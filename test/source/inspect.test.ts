import t from 'tap'
import { inspectDrop } from '../../src/source/inspect.ts'
import type { Walk } from '../../src/source/walk.ts'

function walkOf(paths: readonly string[], more: Partial<Walk> = {}): Walk {
  const files = paths.map((path) => ({ path, size: 1, mtimeMs: 0, ctimeMs: 0, ino: 1 }))
  const rest = {
    folders: [],
    strange: [],
    unread: null,
    bytes: 1,
    newestChangeMs: 0,
    landedMs: 0,
    cut: null,
  }
  return { files, ...rest, form: '', ...more }
}

t.test('ordinary paths pass', (t) => {
  const paths = ['package.json', 'src/index.ts', 'lib/index.ts', '__proto__', 'node_modules/a/b.js']
  t.equal(inspectDrop('x', walkOf(paths)), null)
  t.end()
})

t.test('paths that some file system cannot keep apart or keep at all are refused', (t) => {
  const refused: readonly (readonly string[])[] = [
    ['Foo.ts', 'foo.ts'],
    ['src/é.ts', 'src/e\u0301.ts'],
    ['a\\b.ts'],
    ['a\u0000b'],
    ['a\u001b[31m.ts'],
    [`${'x'.repeat(250)}/index.ts`],
    [Array.from({ length: 17 }, () => 'd').join('/')],
  ]
  for (const paths of refused) {
    t.match(inspectDrop('x', walkOf(paths)), { code: 'FILE_REFUSED' }, JSON.stringify(paths))
  }
  t.match(inspectDrop('x', walkOf(['A/x'], { folders: ['A', 'a'] })), { code: 'FILE_REFUSED' })
  t.end()
})

t.test('names that headgate gives to its own files in a slot are refused', (t) => {
  for (const path of ['.headgate-stripped/src/index.ts', '.Headgate-Stripped.json']) {
    const refused = {
      code: 'FILE_REFUSED',
      message: /begin with \.headgate-stripped are headgate's/,
    }
    t.match(inspectDrop('x', walkOf([path])), refused)
  }
  t.equal(
    inspectDrop('x', walkOf(['src/.headgate-stripped/index.ts'])),
    null,
    'further down it is any name',
  )
  t.end()
})

t.test('the limits of size and count are named', (t) => {
  const tooMany = walkOf([], { cut: 'more than 10000 files' })
  t.match(inspectDrop('x', tooMany), { code: 'PACKAGE_TOO_LARGE', message: /10000 files/ })
  t.match(inspectDrop('x', walkOf([], { bytes: 2 ** 28 + 1 })), { code: 'PACKAGE_TOO_LARGE' })
  t.equal(inspectDrop('x', walkOf([], { bytes: 2 ** 28 })), null)
  t.end()
})
