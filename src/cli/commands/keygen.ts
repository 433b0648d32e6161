/**
 * `headgate keygen`: a pair of keys for signing packages.
 */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { HeadgateError } from '../../base/errors.ts'
import type { KeyFiles } from '../../packaging/signing-key.ts'
import type { CommandContext } from '../command-context.ts'
import { writeLine } from '../terminal.ts'
import { PASSPHRASE } from './pack.ts'

interface KeygenOptions {
  readonly out: string
  readonly encrypt?: boolean
  readonly json?: boolean
}

export function addKeygenCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('keygen')
    .description('make a pair of Ed25519 keys for headgate pack --sign')
    .option('--out <name>', 'writes <name>.pem (keep it secret) and <name>.pub.pem', 'headgate')
    .option('--encrypt', `encrypt the private key with the passphrase in ${PASSPHRASE}`)
    .option('--json', 'one JSON document')
    .action(async ({ out, encrypt, json }: KeygenOptions) => {
      const passphrase = encrypt === true ? terminal.env[PASSPHRASE] : undefined
      if (encrypt === true && (passphrase === undefined || passphrase === '')) {
        const why = `put the passphrase into ${PASSPHRASE}`
        throw new HeadgateError('OPTION_INVALID', { option: '--encrypt', why })
      }
      const { makeKey } = await import('../../packaging/signing-key.ts')
      const files = makeKey(resolve(out), passphrase)
      const lines = json === true ? [JSON.stringify(files)] : describe(files)
      for (const line of lines) writeLine(terminal.stdout, line)
    })
}

function describe({ key, privateKey, publicKey, encrypted }: KeyFiles): readonly string[] {
  const config = { signatures: { policy: 'require', keys: { public: [publicKey] } } }
  return [
    key,
    `  private key  ${privateKey}${encrypted ? ' (encrypted)' : ''}: keep it secret`,
    `  public key   ${publicKey}: give it to those who are to trust you`,
    `sign:   headgate pack --sign ${privateKey}`,
    `trust:  headgate start --config FILE, with ${JSON.stringify(config)} in it`,
  ]
}
