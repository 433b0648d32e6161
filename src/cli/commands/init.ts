/**
 * `headgate init`: a new package from a template, and what to do next.
 */

import { basename, relative, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { type Scaffolded, scaffoldPackage } from '../../packaging/scaffold/scaffold.ts'
import {
  type Template,
  TEMPLATE_NAMES,
  type TemplateName,
  templateOf,
} from '../../packaging/scaffold/templates.ts'
import type { CommandContext } from '../command-context.ts'
import { writeLine } from '../terminal.ts'

interface InitOptions {
  readonly dir?: string
  readonly template: TemplateName
  readonly json?: boolean
}

export function addInitCommand(program: Command, context: CommandContext): void {
  program
    .command('init <name>')
    .description('write a new package: a workflow, its tests, package.json and tsconfig.json')
    .option('--dir <dir>', 'folder to write to, new or empty (default: ./<name> without scope)')
    .addOption(
      new Option('--template <template>', 'what to begin with')
        .choices(TEMPLATE_NAMES)
        .default('basic'),
    )
    .option('--json', 'one document {name, version, template, dir, files, next}; errors as JSON')
    .action((name: string, options: InitOptions) => init(context, name, options))
}

function init({ terminal }: CommandContext, name: string, options: InitOptions): void {
  const template = templateOf(options.template)
  const dir = resolve(options.dir ?? basename(name))
  const scaffolded = scaffoldPackage(name, dir, template)
  const next = nextSteps(scaffolded, template)
  if (options.json === true) {
    const document = { ...scaffolded, template: options.template, next }
    writeLine(terminal.stdout, JSON.stringify(document))
    return
  }
  const { version, files } = scaffolded
  writeLine(terminal.stdout, `${name} ${version}: ${files.length} files in ${dir}`)
  for (const line of [
    'next ($PACKAGES is the folder your executor watches):',
    ...next.map((step) => `  ${step}`),
  ]) {
    writeLine(terminal.stderr, line)
  }
}

/** Lines for a shell. */
function nextSteps({ name, version, dir }: Scaffolded, { workflow, input }: Template): string[] {
  return [
    `cd ${quoted(relative('', dir) || '.')}`,
    'npm install',
    'npm test',
    'npm run typecheck',
    `cp -r . "$PACKAGES"/${basename(name)}-${version}`,
    `npx headgate invoke public::${name}::${workflow} --body ${quoted(JSON.stringify(input))}`,
  ]
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
