/** Small packages written by tests, as files. */

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'

/** Path in the package → text. */
export type Files = Readonly<Record<string, string>>

export interface TaskText {
  /** Body of `async (deps, ctx) => { … }`. */
  readonly run: string
  /** Every other option of the task, as JSON. */
  readonly options?: Readonly<Record<string, unknown>>
}

export interface PackageText {
  /** Default `public`. */
  readonly tenant?: string
  readonly name: string
  readonly version?: string
  /** Task name → body, or body and options. They make one workflow, `w`. */
  readonly tasks: Readonly<Record<string, string | TaskText>>
  /** Module code before the definition. */
  readonly before?: string
  /** Further options of definePackage, as code: `setup: () => {…}`. */
  readonly also?: string
  /** The `headgate` part of package.json. */
  readonly headgate?: Readonly<Record<string, unknown>>
  readonly files?: Files
}

/** The entry module of such a package. */
export function entryText({ tasks, before = '', also = '' }: PackageText): string {
  const list = Object.entries(tasks).map(([name, text]) => {
    const { run, options = {} } = typeof text === 'string' ? { run: text } : text
    const rest = JSON.stringify(options)
    return `.task(${JSON.stringify(name)}, { ...${rest}, run: async (deps, ctx) => { ${run} } })`
  })
  return [
    `import { definePackage, workflow, TerminalError } from 'headgate/sdk'`,
    before,
    `export default definePackage({ workflows: [workflow('w')${list.join('\n')}], ${also} })`,
    '',
  ].join('\n')
}

/** All files of the package, with the manifest that makes it complete at once. */
export function packageFiles(text: PackageText): Files {
  const { name, version = '1.0.0', headgate, files = {} } = text
  const json = { name, version, type: 'module', headgate: { entry: 'index.js', ...headgate } }
  const all: Files = {
    'package.json': JSON.stringify(json),
    'index.js': entryText(text),
    ...files,
  }
  const list = Object.entries(all).map(([path, content]) => ({
    path,
    size: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('hex'),
  }))
  return { ...all, [MANIFEST_FILE]: JSON.stringify({ contract: 1, files: list }) }
}

export function writeFiles(top: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), text)
  }
}
