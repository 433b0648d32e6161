/** New packages: what is in them, that their own checks pass, and that they drop in as they are. */

import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HEADGATE_VERSION } from '../../src/base/headgate-package.ts'
import { parsePackageJson } from '../../src/domain/package-json.ts'
import { scaffoldPackage } from '../../src/packaging/scaffold/scaffold.ts'
import {
  TEMPLATE_NAMES,
  templateOf,
  type TemplateName,
} from '../../src/packaging/scaffold/templates.ts'
import { openWorkspace, startExecutor } from '../helpers/workspace.ts'

const ROOT = join(import.meta.dirname, '../..')
const workspace = openWorkspace(t)

/** Exit code and all that was printed. */
async function run(args: readonly string[], cwd: string): Promise<readonly [unknown, string]> {
  // A bare environment: the one of this test would tell the child to report to tap.
  const child = spawn(process.execPath, args, { cwd, env: {}, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  }
  const code = await new Promise((resolve) => child.on('close', resolve))
  return [code, printed]
}

/** What `npm install` does in a new package: links, as headgate is one too. */
function install(dir: string): void {
  mkdirSync(join(dir, 'node_modules/@types'), { recursive: true })
  symlinkSync(ROOT, join(dir, 'node_modules/headgate'))
  for (const name of ['typescript', '@types/node']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name))
  }
  const resolved = { typescript: '../typescript', '@types/node': '../types-node' }
  const packages = Object.fromEntries(
    Object.entries(resolved).flatMap(([name, target]) => [
      [`node_modules/${name}`, { resolved: target, link: true }],
      [target, { dev: true }],
    ]),
  )
  writeFileSync(join(dir, 'node_modules/.package-lock.json'), JSON.stringify({ packages }))
}

t.test('every template passes its own tests and type check, drops in, and answers', async (t) => {
  const executor = await startExecutor(t, workspace)
  t.ok(TEMPLATE_NAMES.length >= 3)
  for (const template of TEMPLATE_NAMES as readonly TemplateName[]) {
    const name = `new_${template}`
    const dir = workspace.path(name)
    const { files } = scaffoldPackage(name, dir, templateOf(template))
    for (const file of ['.gitignore', 'README.md', 'package.json', 'tsconfig.json']) {
      t.ok(files.includes(file), `${template} has ${file}`)
    }
    t.ok(files.every((file) => existsSync(join(dir, file))))
    install(dir)
    const [[tested, report], [checked, faults]] = await Promise.all([
      run(['--test', 'test/*.test.ts'], dir),
      run([join(dir, 'node_modules/typescript/lib/tsc.js')], dir),
    ])
    t.equal(tested, 0, report)
    t.match(report, /\bpass [1-9]/, 'it has tests')
    t.equal(checked, 0, faults)

    const swapped = executor.events.once('receipt', (receipt) => receipt.package === name)
    cpSync(dir, join(workspace.packagesDir, name), { recursive: true, verbatimSymlinks: true })
    t.match(await swapped, { to: { version: '0.1.0' } }, `${template} is taken with node_modules`)
    const { workflow, input } = templateOf(template)
    t.ok(await executor.invoke(`public::${name}::${workflow}`, input))
  }
  t.same(executor.status().refusals, [])
})

t.test('package.json names the package and the headgate that wrote it', (t) => {
  const dir = workspace.path('scoped')
  scaffoldPackage('@acme/sums', dir, templateOf('analytics'))
  const text = readFileSync(join(dir, 'package.json'), 'utf8')
  const { devDependencies, peerDependencies, author } = JSON.parse(text)
  const [path = ''] = String(devDependencies.headgate).match(/(?<=^file:).+/) ?? []
  t.equal(join(dir, path), ROOT, 'as a path from the package')
  t.equal(peerDependencies ?? author, undefined)
  const running = { node: '24.0.0', headgate: HEADGATE_VERSION }
  const { name, version, engines } = parsePackageJson(text, 'x', running)
  t.same([name, version], ['@acme/sums', '0.1.0'])
  t.same(engines.get('headgate'), `>=${HEADGATE_VERSION}`)
  t.match(readFileSync(join(dir, 'README.md'), 'utf8'), /^# @acme\/sums\n/)
  t.end()
})

t.test('the tools of a new package are those of this repository', (t) => {
  const read = (folder: string): Record<string, Record<string, string>> =>
    JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'))
  const own = read('.')
  const tools = read('templates/basic')['devDependencies']
  t.ok(tools?.['typescript'])
  for (const [name, range] of Object.entries(tools ?? {})) {
    t.equal(range, own['devDependencies']?.[name], name)
  }
  t.equal(read('templates/basic')['engines']?.['node'], own['engines']?.['node'])
  t.end()
})

t.test('a folder in use is refused and left alone, one with .git alone is not', (t) => {
  const basic = templateOf('basic')
  const dir = workspace.path('used')
  mkdirSync(dir)
  writeFileSync(join(dir, 'notes\u001b.txt'), 'mine')
  const refused = { code: 'TARGET_NOT_EMPTY', message: /"notes\\u001b.txt"/ }
  t.throws(() => scaffoldPackage('alpha', dir, basic), refused)
  t.notOk(existsSync(join(dir, 'package.json')))
  const file = join(dir, 'notes\u001b.txt')
  t.throws(() => scaffoldPackage('alpha', file, basic), { code: 'TARGET_NOT_EMPTY' })
  t.throws(() => scaffoldPackage('alpha', join(file, 'below'), basic), { code: 'OPTION_INVALID' })

  const fresh = workspace.path('fresh')
  mkdirSync(join(fresh, '.git'), { recursive: true })
  t.ok(scaffoldPackage('alpha', fresh, basic).files.includes('src/index.ts'))
  t.throws(() => scaffoldPackage('alpha', fresh, basic), { code: 'TARGET_NOT_EMPTY' })
  t.end()
})

t.test('a name that no executor or npm would take is refused before anything is written', (t) => {
  const dir = workspace.path('unnamed')
  for (const name of ['My_Package', '../up', '', '__proto__', 'a::b', '@acme', 'a b']) {
    t.throws(() => scaffoldPackage(name, dir, templateOf('basic')), { code: 'NAME_INVALID' }, name)
  }
  for (const name of ['headgate', 'node_modules']) {
    t.throws(() => scaffoldPackage(name, dir, templateOf('basic')), { code: 'OPTION_INVALID' })
  }
  t.notOk(existsSync(dir))
  t.end()
})
