import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { bundleThread } from '../../src/generation/thread-bundle.ts'
import { threadCode } from '../../src/generation/thread-code.ts'
import { workerThreads } from '../helpers/leaks.ts'

const texts = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  )

t.test('threads run a few modules whose every import is one of them, or of Node', (t) => {
  const folder = join(t.testdir(), 'code')
  const code = threadCode(folder)
  t.equal(code.folder, folder)
  t.equal(fileURLToPath(code.entry), join(folder, 'entry.mjs'))
  t.equal(fileURLToPath(code.sdk), join(folder, 'sdk.mjs'))
  const files = readdirSync(folder)
  t.ok(files.length <= 4, files.join())
  for (const [file, text] of Object.entries(texts(folder))) {
    for (const [, specifier = ''] of text.matchAll(/^(?:import|.*\bfrom) "([^"]+)"/gm)) {
      const isFound = isBuiltin(specifier) || files.includes(specifier.replace('./', ''))
      t.ok(isFound, `${file} finds ${specifier}`)
    }
  }
  t.end()
})

t.test('what was bundled before is what the sources give now', (t) => {
  const folder = join(t.testdir(), 'code')
  threadCode(folder)
  t.same(texts(folder), bundleThread())
  t.equal(workerThreads(), 0, 'bundling leaves no thread')
  t.end()
})

t.test('an older copy is replaced whole', (t) => {
  const folder = t.testdir({ 'package.json': '{}', base: { 'gone.js': '' } })
  threadCode(folder)
  t.notOk(readdirSync(folder).includes('base'))
  t.end()
})
