/**
 * `headgate pack`: makes a verified, distributable version of a source folder. The result is on
 * stdout, what it is doing on stderr.
 */

import { mkdirSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import type { PackedArchive } from '../../packaging/pack.ts'
import type { CommandContext } from '../command-context.ts'
import { interruptible } from '../interruptible.ts'
import { isInside } from '../../packaging/is-inside.ts'
import { inEmptyFolder } from '../empty-folder.ts'
import { formatBytes } from '../format-bytes.ts'
import { append } from '../append.ts'
import { plain, writeLine } from '../terminal.ts'

/** Of an encrypted key; a command line would show it to others. */
export const PASSPHRASE = 'HEADGATE_KEY_PASSPHRASE'

interface PackCommandOptions {
  readonly out?: string
  readonly sign: readonly string[]
  readonly json?: boolean
}

export function addPackCommand(program: Command, context: CommandContext): void {
  program
    .command('pack [dir]')
    .description('type-check, bundle and check a package, and write <name>-<version>.tgz')
    .option(
      '--out <dir>',
      'folder for the archive, made when it is not there (here; in the package: beside it)',
    )
    .option('--sign <key>', 'private key (PEM, headgate keygen); may be given again', append, [])
    .option('--json', 'one JSON document; errors as JSON')
    .action(async (dir: string | undefined, options: PackCommandOptions) => {
      await runPack(context, resolve(dir ?? '.'), options)
    })
}

async function runPack(
  { terminal, interrupt }: CommandContext,
  dir: string,
  options: PackCommandOptions,
): Promise<void> {
  const { pack } = await import('../../packaging/pack.ts')
  // A folder with its own archive in it is another version than the one that was packed.
  const out = resolve(options.out ?? (isInside('.', dir) ? join(realpathSync(dir), '..') : '.'))
  try {
    // In the package pack() refuses it.
    if (!isInside(out, dir)) mkdirSync(out, { recursive: true })
  } catch (error) {
    throw new HeadgateError('OPTION_INVALID', { option: '--out', why: messageOf(error) })
  }
  const { readSigningKey } = await import('../../packaging/signing-key.ts')
  const passphrase = terminal.env[PASSPHRASE]
  const sign = options.sign.map((key) => readSigningKey(resolve(key), passphrase))
  const progress = (line: string): void => writeLine(terminal.stderr, plain(line))
  const packed = await inEmptyFolder(() =>
    interruptible(interrupt, () => pack({ dir, out, sign, progress, signal: interrupt })),
  )
  for (const warning of packed.warnings) writeLine(terminal.stderr, `warning: ${plain(warning)}`)
  if (options.json === true) {
    const fingerprint = `sha256:${packed.digest}`
    writeLine(terminal.stdout, JSON.stringify({ ...packed, fingerprint }))
    return
  }
  for (const line of describe(packed)) writeLine(terminal.stdout, line)
}

function describe(packed: PackedArchive): readonly string[] {
  const { path, digest, interfaceDigest, archiveBytes, bytes, files, dependencies, ms } = packed
  const bundled = dependencies.map(({ name, version }) => `${name} ${version}`).join(', ')
  return [
    path,
    `  package      ${packed.package}@${packed.version}`,
    `  fingerprint  sha256:${digest}`,
    `  interface    sha256:${interfaceDigest}`,
    `  size         ${formatBytes(archiveBytes)}; unpacked ${formatBytes(bytes.unpacked)} in ${files} files, of which the bundle ${formatBytes(bytes.bundle)}`,
    ...packed.signedBy.map((key) => `  signed by    ${key}`),
    ...(bundled === '' ? [] : [`  bundled      ${plain(bundled)}`]),
    `  types        ${packed.typeChecked ? 'checked' : 'not checked: there is no tsconfig.json, or no TypeScript'}`,
    `  time         ${(ms / 1000).toFixed(2)} s`,
  ]
}
