/**
 * `headgate run-local`: a workflow of a package folder, without an executor. What happens is on
 * stderr as it happens, the result on stdout.
 */

import { type Command, Option } from 'commander'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import { toProblem } from '../../protocol/problem-record.ts'
import { visibleEnvironment } from '../../routing/generation-factory.ts'
import type { RunEvent } from '../../testing/run-events.ts'
import { attemptsOf } from '../../testing/test-run.ts'
import type { CommandContext } from '../command-context.ts'
import { append } from '../append.ts'
import { readConfig } from '../config-file.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { readLocalFolder } from '../local-folder.ts'
import { type LocalResult, runLocally } from '../local-run.ts'
import { type InputOptions, readInput } from '../read-input.ts'
import { renderRunEvent } from '../render-run.ts'
import { plain, type Terminal, writeLine } from '../terminal.ts'

interface RunLocalOptions extends InputOptions {
  readonly task?: string
  readonly tenant: string
  readonly config?: string
  readonly secret: readonly string[]
  readonly json?: boolean
}

export function addRunLocalCommand(program: Command, context: CommandContext): void {
  program
    .command('run-local <dir> <workflow>')
    .description('run a workflow of a package folder here, without an executor')
    .addOption(new Option('--input <file>', 'JSON input from a file; -: stdin').conflicts('body'))
    .option('--body <json>', 'JSON input as text')
    .option('--task <task>', 'only this task: its input is {"input": …, "deps": {"<task>": …}}')
    .option('--tenant <tenant>', 'whose package it is', 'public')
    .option('--config <file>', "operator's values per tenant and package (JSON), as for start")
    .option(
      '--secret <name[=value]>',
      'a secret of the package; without a value that of the variable of this name',
      append,
      [],
    )
    .option('--json', 'one document {status, output, outputs, attempts, error, …}')
    .action(async (dir: string, workflow: string, options: RunLocalOptions) => {
      await runLocal(context, dir, workflow, options)
    })
}

async function runLocal(
  { terminal, interrupt, setExitCode }: CommandContext,
  dir: string,
  workflow: string,
  options: RunLocalOptions,
): Promise<void> {
  const { packageJson, entry } = readLocalFolder(dir)
  const { name, version } = packageJson
  const { tenant } = options
  const tenants = options.config === undefined ? {} : readConfig(options.config).tenants
  const values = tenants[tenant]?.packages?.[name]
  const events: RunEvent[] = []
  const result = await runLocally({
    data: {
      entry,
      tenant,
      package: name,
      version,
      config: values?.config ?? null,
      secrets: { ...values?.secrets, ...secretsOf(options.secret, terminal.env) },
      workflow,
      task: options.task ?? null,
      body: await readBody(terminal, options),
    },
    env: visibleEnvironment(packageJson.options.permissions.env, terminal.env),
    observe: (event) => {
      events.push(event)
      writeLine(terminal.stderr, renderRunEvent(event))
    },
    interrupt,
  })
  if (result.teardown !== null) {
    writeLine(terminal.stderr, `package: teardown failed: ${plain(result.teardown)}`)
  }
  if (options.json === true) writeLine(terminal.stdout, JSON.stringify(recordOf(result, events)))
  else if (result.error !== null) throw result.error
  else writeLine(terminal.stdout, result.answer ?? 'null')
  if (result.error !== null) setExitCode(exitCodeOf(result.error))
}

/** It becomes part of what each task is given, so it has to be JSON before the first. */
async function readBody(terminal: Terminal, options: RunLocalOptions): Promise<string> {
  const body = await readInput(terminal, options)
  try {
    if (body !== '') JSON.parse(body)
  } catch (error) {
    throw new HeadgateError('INPUT_NOT_JSON', { why: messageOf(error) })
  }
  return body
}

/** Never shows a value. */
function secretsOf(given: readonly string[], env: Terminal['env']): Record<string, string> {
  return Object.fromEntries(
    given.map((one) => {
      const at = one.indexOf('=')
      const name = at === -1 ? one : one.slice(0, at)
      const value = at === -1 ? env[name] : one.slice(at + 1)
      if (value !== undefined) return [name, value]
      const why = `there is no variable ${name}: set it, or write ${name}=value`
      throw new HeadgateError('OPTION_INVALID', { option: '--secret', why })
    }),
  )
}

function recordOf(result: LocalResult, events: readonly RunEvent[]): unknown {
  const { status, answer, outputs, error, startedAt, endedAt } = result
  // Of the calls of its own package that a task makes, only what they return is of interest here.
  const run = events.find((event) => event.type === 'begun')?.run
  return {
    status,
    output: answer === null ? null : JSON.parse(answer),
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([task, json]) => [task, JSON.parse(json)]),
    ),
    error: error === null ? null : toProblem(error.toRecord()),
    attempts: attemptsOf(events.filter((event) => event.run === run)),
    startedAt,
    endedAt,
  }
}
