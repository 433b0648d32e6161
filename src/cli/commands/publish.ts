/**
 * `headgate publish`: puts a .tgz into a packages folder, or sends it to an executor.
 *
 * The archive is judged here first, so that a bad one is told apart from an executor that is not there.
 */

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import { checkName } from '../../domain/names.ts'
import type { PublishedAnswer } from '../../protocol/http.ts'
import { inspectOffline, publishToFolder } from '../../source/publish-to-folder.ts'
import { clientFor, type CommandContext } from '../command-context.ts'
import { findToken, findUrl } from '../endpoint.ts'
import { writeLine } from '../terminal.ts'

interface PublishOptions {
  readonly to: string
  readonly tenant: string
  readonly token?: string
  readonly data?: string
  readonly json?: boolean
}

export function addPublishCommand(program: Command, context: CommandContext): void {
  program
    .command('publish <file>')
    .description('put a packed version (.tgz) into a packages folder, or send it to an executor')
    .requiredOption('--to <target>', 'packages folder, or URL of an executor')
    .option('--tenant <name>', 'tenant it belongs to', 'public')
    .option('--token <token>', 'of the executor (default: from the data dir, else HEADGATE_TOKEN)')
    .option('--data <dir>', 'data dir of the executor (default: .headgate)')
    .option('--json', 'one JSON document')
    .action(async (file: string, options: PublishOptions) => {
      const published = await publish(context, file, options)
      writeLine(
        context.terminal.stdout,
        options.json === true ? JSON.stringify(published) : sentenceOf(published),
      )
    })
}

async function publish(
  context: CommandContext,
  file: string,
  options: PublishOptions,
): Promise<PublishedAnswer> {
  const { version: headgate, terminal } = context
  const tenant = checkName('tenant', options.tenant)
  const running = { node: process.versions.node, headgate }
  const path = findFile(resolve(file))
  if (!/^https?:/i.test(options.to)) {
    const packagesDir = resolve(options.to)
    if (!existsSync(packagesDir)) {
      const why = `there is no folder ${packagesDir}; an executor is named by its URL (http://…)`
      throw new HeadgateError('OPTION_INVALID', { option: '--to', why })
    }
    return publishToFolder({ path, packagesDir, tenant, running })
  }
  const url = findUrl({ url: options.to }, terminal.env)
  const client = clientFor(context, url, findToken(url, options, terminal.env))
  const { facts } = inspectOffline({ path, tenant, running })
  return client.publish({
    tenant,
    package: facts.package,
    version: facts.version,
    archive: new Uint8Array(readFileSync(path)),
  })
}

/** What `path` names, through links; throws OPTION_INVALID. */
function findFile(path: string): string {
  let why = `${path} is not a file: pack it first (npm pack)`
  try {
    if (statSync(path).isFile()) return realpathSync(path)
  } catch (error) {
    why = messageOf(error)
  }
  throw new HeadgateError('OPTION_INVALID', { option: 'file', why })
}

function sentenceOf(published: PublishedAnswer): string {
  const { outcome, tenant, package: name, version, digest, entry } = published
  const what = `${tenant}::${name}@${version} (${digest.slice(0, 12)})`
  return outcome === 'created'
    ? `published ${what} as ${entry}`
    : `already there: ${what}, ${entry}`
}
