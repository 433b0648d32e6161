import { mkdirSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  differences,
  isIgnored,
  lacks,
  SourceTree,
} from '../../../src/packaging/dev/source-tree.ts'

t.test('what is not of the package is not looked at', (t) => {
  for (const path of [
    '.git/index',
    'src/.swp',
    'node_modules/a/index.js',
    'src/node_modules/a.js',
    'coverage/lcov.info',
    'src/index.ts~',
    'own-1.0.0.tgz',
    'data/x.part',
  ]) {
    t.ok(isIgnored(path), path)
  }
  for (const path of ['src/index.ts', 'src/coverage/index.ts', 'data/a.b.csv', 'package.json']) {
    t.notOk(isIgnored(path), path)
  }
  t.end()
})

t.test('looks differ by bytes, and by stamps where a file was only written again', (t) => {
  const dir = t.testdir({ src: { 'a.ts': 'a', 'b.ts': 'b' }, '.env': 'secret' })
  const tree = new SourceTree(dir)
  const first = tree.look()
  t.strictSame([...first.files.keys()].sort(), ['src/a.ts', 'src/b.ts'])
  t.strictSame(differences(first, tree.look(), 'stamp'), [])
  utimesSync(join(dir, 'src/a.ts'), 1, 1)
  const touched = tree.look()
  t.strictSame(differences(first, touched, 'stamp'), ['src/a.ts'])
  t.strictSame(differences(first, touched, 'bytes'), [])
  writeFileSync(join(dir, 'src/b.ts'), 'B')
  writeFileSync(join(dir, 'src/c.ts'), 'c')
  const changed = tree.look()
  t.strictSame(differences(touched, changed, 'bytes'), ['src/b.ts', 'src/c.ts'])
  t.notOk(lacks(touched, changed))
  unlinkSync(join(dir, 'src/a.ts'))
  t.ok(lacks(changed, tree.look()), 'a file that went may come back')
  t.end()
})

t.test('another folder of the same name has another root; one that is gone has none', (t) => {
  const dir = join(t.testdir({ own: { 'a.ts': 'a' } }), 'own')
  const tree = new SourceTree(dir)
  const first = tree.look()
  renameSync(dir, `${dir}-2`)
  const gone = tree.look()
  t.match(gone, { root: null })
  t.equal(gone.files.size, 0)
  t.ok(lacks(first, gone))
  mkdirSync(dir)
  t.not(tree.look().root, first.root)
  t.end()
})

t.test('modules of a build are looked at wherever they lie, and links are not followed', (t) => {
  const top = t.testdir({
    own: { 'a.ts': 'a', node_modules: { x: { 'x.js': '1', 'y.js': '1' } } },
    shared: { 's.ts': 's' },
  })
  const dir = join(top, 'own')
  symlinkSync(join(top, 'shared'), join(dir, 'link'))
  const tree = new SourceTree(dir)
  tree.include([join(dir, 'a.ts'), join(dir, 'node_modules/x/x.js'), join(top, 'shared/s.ts')])
  const first = tree.look()
  t.strictSame([...first.files.keys()].sort(), [
    '../shared/s.ts',
    'a.ts',
    'link',
    'node_modules/x/x.js',
  ])
  writeFileSync(join(top, 'shared/s.ts'), 'S')
  t.strictSame(differences(first, tree.look(), 'bytes'), ['../shared/s.ts'])
  t.end()
})
