/**
 * `headgate diff`: what changed for callers and operators from one version to the next, and whether
 * the version number says so.
 */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { HeadgateError } from '../../base/errors.ts'
import { type Comparison, compareInterfaces } from '../../domain/compat.ts'
import type { PackageInterface } from '../../domain/interface.ts'
import { checkName } from '../../domain/names.ts'
import type { Subject } from '../../packaging/subject.ts'
import type { CommandContext } from '../command-context.ts'
import { grantsIn, readConfig } from '../config-file.ts'
import { inEmptyFolder } from '../empty-folder.ts'
import { EXIT } from '../exit-codes.ts'
import { interruptible } from '../interruptible.ts'
import { table } from '../table.ts'
import { paintFor, plain, writeLine } from '../terminal.ts'

interface DiffOptions {
  readonly tenant: string
  readonly config?: string
  readonly json?: boolean
}

interface Version {
  readonly interface: PackageInterface
  readonly digest: string
}

export function addDiffCommand(program: Command, context: CommandContext): void {
  program
    .command('diff <previous> <next>')
    .description('compare two versions (source folder, packed folder or .tgz); 4: number too low')
    .option('--tenant <name>', 'whose grants are taken from --config', 'public')
    .option('--config <file>', "operator's grants (JSON); without it the package gets none")
    .option('--json', 'one JSON document')
    .action(async (previous: string, next: string, options: DiffOptions) => {
      await diff(context, resolve(previous), resolve(next), options)
    })
}

async function diff(
  context: CommandContext,
  previousPath: string,
  nextPath: string,
  { tenant, config, json }: DiffOptions,
): Promise<void> {
  const { interrupt, terminal } = context
  checkName('tenant', tenant)
  const grantsOf = grantsIn(config === undefined ? {} : readConfig(resolve(config)), tenant)
  const { readSubject } = await import('../../packaging/subject.ts')
  const read = (path: string): Promise<Subject> =>
    readSubject(path, { signal: interrupt, grantsOf })
  const [previous, next] = await inEmptyFolder(() =>
    interruptible(interrupt, async () => [
      versionOf(await read(previousPath)),
      versionOf(await read(nextPath)),
    ]),
  )
  if (previous === undefined || next === undefined) return
  const [from, to] = [previous.interface, next.interface]
  if (from.package !== to.package) {
    const why = `it is the package ${to.package}, not ${from.package}`
    throw new HeadgateError('OPTION_INVALID', { option: 'next', why })
  }
  const comparison = compareInterfaces(from, to)
  const isSame = previous.digest === next.digest && from.version === to.version
  // Other bytes are another version, even where callers see no difference.
  const honoured = isSame || (comparison.honoured && from.version !== to.version)
  if (json === true) {
    const versions = { package: to.package, previous: from.version, next: to.version }
    writeLine(terminal.stdout, JSON.stringify({ ...versions, ...comparison, honoured, isSame }))
  } else {
    const lines = [
      `${to.package} ${from.version} -> ${to.version}`,
      ...changeLines(context, comparison),
      ...comparison.unchecked.map((what) => `not compared: ${plain(what)}`),
      isSame ? 'the same version, byte for byte' : conclusion(comparison, to.version, honoured),
    ]
    for (const line of lines) writeLine(terminal.stdout, line)
  }
  if (!honoured) context.setExitCode(EXIT.refused)
}

/** Throws the refusal: what cannot be loaded has no interface. */
function versionOf({ version, loaded, refusal }: Subject): Version {
  if (loaded === null || version === null) {
    throw refusal ?? new HeadgateError('INTERNAL', { why: 'no verdict' })
  }
  // A permission that is not granted is no difference between versions: it is compared with the rest.
  return { interface: loaded.interface, digest: version.digest }
}

function changeLines({ terminal }: CommandContext, { changes }: Comparison): readonly string[] {
  if (changes.length === 0) return ['  no change for callers or operators']
  const rows = changes.map(({ where, what, breaking }) => [
    breaking
      ? ({ text: 'breaking', style: 'red' } as const)
      : ({ text: 'compatible', style: 'green' } as const),
    { text: plain(where) },
    { text: plain(what) },
  ])
  return table(rows, paintFor(terminal), 2)
}

function conclusion({ bump, lowest }: Comparison, version: string, honoured: boolean): string {
  const asked = `this asks for a ${bump} version, ${lowest} at least`
  return `${asked}: ${version} is ${honoured ? 'enough' : 'too low'}`
}
