/**
 * `headgate inspect`: what a package is, and what an executor would say of it.
 */

import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { interfaceDigest } from '../../domain/interface.ts'
import { checkName } from '../../domain/names.ts'
import { formatNamespace } from '../../domain/namespace.ts'
import { ALL_TENANTS, NO_TRUST, type SignatureTrust } from '../../domain/signature-policy.ts'
import type { Subject } from '../../packaging/subject.ts'
import { toProblem } from '../../protocol/problem-record.ts'
import { readPublicKey, readTrust } from '../../source/trusted-keys.ts'
import type { CommandContext } from '../command-context.ts'
import { append } from '../append.ts'
import { grantsIn, type OperatorConfig, readConfig } from '../config-file.ts'
import { inEmptyFolder } from '../empty-folder.ts'
import { EXIT } from '../exit-codes.ts'
import { formatBytes } from '../format-bytes.ts'
import { interruptible } from '../interruptible.ts'
import { graphLines } from '../render-graph.ts'
import { plain, writeLine } from '../terminal.ts'

interface InspectOptions {
  readonly tenant: string
  readonly trusted: readonly string[]
  readonly config?: string
  readonly json?: boolean
}

export function addInspectCommand(program: Command, context: CommandContext): void {
  program
    .command('inspect <path>')
    .description('a source folder, packed folder or .tgz: metadata, graph, and what is refused')
    .option('--tenant <name>', 'whose namespaces, grants and trusted keys count', 'public')
    .option(
      '--config <file>',
      "an operator's configuration: grants, and whose signatures are asked for; without it none",
    )
    .addOption(
      new Option('--trusted <key>', 'public key (PEM) that must have signed; may be given again')
        .argParser(append)
        .default([])
        .conflicts('config'),
    )
    .option('--json', 'one JSON document')
    .action(async (path: string, options: InspectOptions) => {
      checkName('tenant', options.tenant)
      const { readSubject } = await import('../../packaging/subject.ts')
      const { interrupt, terminal } = context
      const { tenant } = options
      const absolute = resolve(path)
      const config = options.config === undefined ? {} : readConfig(resolve(options.config))
      const asked = { tenant, trust: trustOf(options, config), grantsOf: grantsIn(config, tenant) }
      const subject = await inEmptyFolder(() =>
        interruptible(interrupt, () => readSubject(absolute, { signal: interrupt, ...asked })),
      )
      const lines =
        options.json === true
          ? [JSON.stringify(toJson(subject, tenant))]
          : render(subject, tenant, asked.trust)
      for (const line of lines) writeLine(terminal.stdout, line)
      if (subject.refusal !== null) context.setExitCode(EXIT.refused)
    })
}

function trustOf(
  { trusted }: InspectOptions,
  { signatures }: Partial<OperatorConfig>,
): SignatureTrust {
  if (trusted.length > 0) {
    const keys = trusted.map((key) => readPublicKey(resolve(key), '--trusted'))
    return { policy: 'require', keys: new Map([[ALL_TENANTS, keys]]) }
  }
  return signatures === undefined ? NO_TRUST : readTrust(signatures)
}

function toJson(subject: Subject, tenant: string): object {
  const { path, form, version, facts, loaded, refusal, importFailure } = subject
  return {
    path,
    form,
    ...(version === null ? {} : { ...version, fingerprint: `sha256:${version.digest}` }),
    ...(facts === null
      ? {}
      : {
          description: facts.description ?? null,
          author: facts.author ?? null,
          entry: facts.entryFile,
          files: facts.files,
          bytes: facts.bytes,
          permissions: facts.options.permissions,
          signatures: facts.signatures.map(({ key, state }) => ({ key, state })),
          doubt: facts.doubt === null ? null : toProblem(facts.doubt),
        }),
    ...(loaded === null
      ? {}
      : {
          interfaceDigest: interfaceDigest(loaded.interface),
          interface: loaded.interface,
          namespaces: namespacesOf(loaded.interface.package, loaded, tenant),
        }),
    refusal: refusal === null ? null : toProblem(refusal.toRecord()),
    importFailure: importFailure === null ? null : toProblem(importFailure.toRecord()),
  }
}

function render(
  { path, form, version, facts, loaded, refusal, importFailure }: Subject,
  tenant: string,
  { keys }: SignatureTrust,
): string[] {
  const lines = [version === null ? path : `${version.package}@${version.version}`]
  const fact = (name: string, value: string): void => {
    lines.push(`  ${name.padEnd(12)} ${plain(value)}`)
  }
  fact('form', form)
  if (facts?.description !== undefined) fact('description', facts.description)
  if (facts?.author !== undefined) fact('author', facts.author)
  if (version !== null) fact('fingerprint', `sha256:${version.digest}`)
  if (loaded !== null) fact('interface', `sha256:${interfaceDigest(loaded.interface)}`)
  if (facts !== null) {
    fact('entry', facts.entryFile)
    fact('size', `${formatBytes(facts.bytes)} in ${facts.files} files`)
    fact('asks for', demandsOf(facts, loaded))
    const words = {
      trusted: 'valid, trusted',
      unknown: keys.size === 0 ? 'valid' : 'valid, but not a key that is trusted',
      invalid: 'NOT VALID: it does not fit this package',
    }
    const by = facts.signatures.map(({ key, state }) => `${key}, ${words[state]}`)
    for (const line of by.length === 0 ? ['nobody'] : by) fact('signed by', line)
  }
  for (const workflow of loaded?.descriptor.workflows ?? []) {
    const name = { tenant, package: facts?.package ?? '', workflow: workflow.name, task: null }
    lines.push('', formatNamespace(name), ...graphLines(workflow).map((line) => `  ${line}`))
  }
  lines.push('')
  const doubt = facts?.doubt ?? null
  if (doubt !== null && refusal === null) lines.push(`${doubt.code}: ${plain(doubt.message)}`)
  if (refusal === null) lines.push('An executor takes it.')
  else lines.push(`An executor refuses it: ${refusal.code}`, `  ${plain(refusal.message)}`)
  if (importFailure !== null) {
    lines.push('Without its permissions it could not be imported to be shown:')
    lines.push(`  ${importFailure.code}: ${plain(importFailure.message)}`)
  }
  return lines
}

/** What the operator has to give or to grant before it can be loaded. */
function demandsOf(facts: NonNullable<Subject['facts']>, loaded: Subject['loaded']): string {
  const { net, read, write, env } = facts.options.permissions
  const demands = [
    ...(net ? ['network'] : []),
    ...read.map((path) => `read ${path}`),
    ...write.map((path) => `write ${path}`),
    ...env.map((name) => `variable ${name}`),
    ...(loaded?.descriptor.secrets ?? []).map((name) => `secret ${name}`),
    ...(loaded?.descriptor.hasConfig === true ? ['configuration'] : []),
  ]
  return demands.length === 0 ? 'nothing' : demands.join(', ')
}

function namespacesOf(
  name: string,
  { descriptor }: NonNullable<Subject['loaded']>,
  tenant: string,
): readonly string[] {
  return descriptor.workflows.flatMap((workflow) =>
    [null, ...workflow.tasks.map((task) => task.name)].map((task) =>
      formatNamespace({ tenant, package: name, workflow: workflow.name, task }),
    ),
  )
}
