import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { runCommand } from '../../src/cli/main.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function init(...args: readonly string[]): Promise<Ended> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const terminal = { stdin, stdout, stderr, env: {} }
  const code = await runCommand(['init', ...args], terminal, new AbortController().signal)
  stdout.end()
  stderr.end()
  return { code, stdout: await text(stdout), stderr: await text(stderr) }
}

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-init-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const documentSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  template: z.string(),
  dir: z.string(),
  files: z.array(z.string()),
  next: z.array(z.string()),
})

t.test('init writes the package and says what to do next', async (t) => {
  const dir = join(folder(t), "it's new")
  const { code, stdout, stderr } = await init('sums', '--dir', dir)
  t.equal(code, 0)
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
  const count = files.filter((found) => found.isFile()).length
  t.equal(stdout, `sums 0.1.0: ${count} files in ${dir}\n`)
  t.match(stderr, /\n {2}cd '[^\n]+it'\\''s new'\n {2}npm install\n {2}npm test\n/)
  t.match(stderr, /\n {2}npx headgate invoke public::sums::word_count --body '\{"text":/)
})

t.test('--json gives one document with the files that were written', async (t) => {
  const dir = join(folder(t), 'stats')
  const { code, stdout, stderr } = await init(
    ...['@acme/stats', '--dir', dir, '--template', 'campaigns', '--json'],
  )
  t.same([code, stderr], [0, ''])
  const document = documentSchema.parse(JSON.parse(stdout))
  t.match(document, { name: '@acme/stats', version: '0.1.0', template: 'campaigns', dir })
  t.ok(document.files.includes('data/orders.csv'))
  t.ok(document.files.every((file) => existsSync(join(dir, file))))
  t.match(document.next.at(-1), 'public::@acme/stats::marketing_workflow')
})

t.test('refusals have their code, their exit code and no output', async (t) => {
  const dir = folder(t)
  t.match(await init('sums', '--dir', join(dir, 'a')), { code: 0 })
  t.match(await init('sums', '--dir', join(dir, 'a')), {
    code: 4,
    stdout: '',
    stderr: /^TARGET_NOT_EMPTY: .*--dir/,
  })
  t.match(await init('Sums', '--dir', join(dir, 'b')), { code: 2, stderr: /^NAME_INVALID: "Sums"/ })
  t.match(await init('headgate', '--dir', join(dir, 'b'), '--json'), {
    code: 2,
    stdout: '',
    stderr: /^\{.*"code":"OPTION_INVALID".*\}\n$/,
  })
  t.match(await init('sums', '--template', 'other'), { code: 2, stderr: /basic, analytics/ })
  t.match(await init(), { code: 2, stderr: /missing required argument/ })
  t.same(readdirSync(dir), ['a'])
})
