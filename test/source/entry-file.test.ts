import t from 'tap'
import { parsePackageJson } from '../../src/domain/package-json.ts'
import { findEntryFile } from '../../src/source/entry-file.ts'

function find(fields: object, files: readonly string[]): string {
  const text = JSON.stringify({ name: 'alpha', version: '1.0.0', ...fields })
  return findEntryFile('x', parsePackageJson(text, 'x'), new Set(files))
}

t.test('the entry is the one named, else the first that exists', (t) => {
  const all = ['index.js', 'index.ts', 'src/index.js', 'src/index.ts', 'main.js', 'exports.js']
  t.equal(find({ headgate: { entry: './main.js' }, main: 'index.js' }, all), 'main.js')
  t.equal(find({ exports: './exports.js', main: './main.js' }, all), 'exports.js')
  t.equal(find({ exports: './gone.js', main: './main.js' }, all), 'main.js')
  t.equal(find({}, all), 'src/index.ts')
  t.equal(find({}, ['index.js', 'index.ts']), 'index.ts')
  t.end()
})

t.test('a named entry that is not there, or that leads outside, is missing', (t) => {
  const code = 'ENTRY_MISSING'
  t.throws(() => find({ headgate: { entry: 'main.ts' } }, ['index.ts']), {
    code,
    message: /main\.ts/,
  })
  t.throws(() => find({ headgate: { entry: '../other/index.ts' } }, ['index.ts']), { code })
  t.throws(() => find({}, ['readme.md']), { code })
  t.end()
})
