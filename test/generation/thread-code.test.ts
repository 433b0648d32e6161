import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { threadCode } from '../../src/generation/thread-code.ts'

t.test('threads run JavaScript whose every import lies in the folders they may read', (t) => {
  const folder = join(t.testdir(), 'code')
  const code = threadCode(folder)
  const entry = fileURLToPath(code.entry)
  t.equal(entry, join(folder, 'generation/thread/entry.js'))
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name !== 'package.json')
    .map((one) => join(one.parentPath, one.name))
  t.ok(files.includes(entry))
  t.ok(files.includes(join(folder, 'sdk/index.js')))
  for (const file of files) {
    t.ok(
      code.folders.some((one) => file.startsWith(`${one}/`)),
      `${file} may be read`,
    )
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(/'(\.{1,2}\/[^']+)'/g)) {
      const target = join(file, '..', specifier)
      // ownModule() adds the extension.
      t.ok(files.includes(target) || files.includes(`${target}.js`), `${file} finds ${specifier}`)
    }
  }
  t.end()
})

t.test('an older copy is replaced whole', (t) => {
  const folder = t.testdir({ 'package.json': '{}', base: { 'gone.js': '' } })
  threadCode(folder)
  t.notOk(readdirSync(join(folder, 'base')).includes('gone.js'))
  t.end()
})
