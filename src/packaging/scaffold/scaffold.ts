/**
 * A new package from a template: whole, or not at all begun.
 *
 * Owns: which files a new package has and where they come from, and the refusal of a folder in use.
 * Does not own: the templates (templates.ts and the folders it names), package.json (manifest.ts),
 * installing what the package needs (npm, by the user).
 */

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import { checkName, printable } from '../../domain/names.ts'
import {
  FIRST_VERSION,
  newManifest,
  readTemplateManifest,
  type TemplateManifest,
} from './manifest.ts'
import { BASIC, type Template } from './templates.ts'

/** What a template without them gets from the basic one. */
const COMMON = ['gitignore', 'tsconfig.json']

/** Taken: a package of this name could not import the SDK, and npm has the other for itself. */
const RESERVED = ['headgate', 'node_modules']

export interface Scaffolded {
  readonly name: string
  readonly version: string
  /** Absolute path. */
  readonly dir: string
  /** Relative to `dir`, with forward slashes, sorted. */
  readonly files: readonly string[]
}

/**
 * Writes the package `name` into `dir`, an absolute path, which is made; `.git` may be in it.
 *
 * Throws NAME_INVALID, TARGET_NOT_EMPTY, or OPTION_INVALID when the folder cannot be written.
 */
export function scaffoldPackage(name: string, dir: string, template: Template): Scaffolded {
  checkName('package', name)
  if (RESERVED.includes(name)) {
    const why = `${printable(name)} is reserved; choose another name`
    throw new HeadgateError('OPTION_INVALID', { option: '<name>', why })
  }
  const realDir = writing(() => makeEmpty(dir))
  const files = newFiles(name, realDir, template)
  writing(() => {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), bytes, { flag: 'wx' })
    }
  })
  return { name, version: FIRST_VERSION, dir, files: [...files.keys()].sort() }
}

/** `step`, whose faults of the file system are those of the folder the user named. */
function writing<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (error instanceof HeadgateError) throw error
    throw new HeadgateError('OPTION_INVALID', { option: '--dir', why: messageOf(error) })
  }
}

/** Returns its path without links. */
function makeEmpty(dir: string): string {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new HeadgateError('TARGET_NOT_EMPTY', { dir, found: 'it is a file' })
  }
  mkdirSync(dir, { recursive: true })
  const first = readdirSync(dir).find((name) => name !== '.git')
  if (first !== undefined) {
    throw new HeadgateError('TARGET_NOT_EMPTY', { dir, found: `it holds ${printable(first)}` })
  }
  return realpathSync(dir)
}

/** Path to bytes; all is read before anything is written. */
function newFiles(name: string, dir: string, template: Template): Map<string, Buffer | string> {
  const common = COMMON.map((file) => [file, readFileSync(join(BASIC.folder, file))] as const)
  const own = listFiles(template.folder).map(
    (file) => [file, readFileSync(join(template.folder, file))] as const,
  )
  const manifest = readTemplateManifest(template.folder)
  const files = new Map<string, Buffer | string>()
  // npm leaves .gitignore files out of an archive, so the template's has no dot.
  for (const [file, bytes] of [...common, ...own]) {
    files.set(file === 'gitignore' ? '.gitignore' : file, bytes)
  }
  const readme = files.get('README.md')
  if (readme !== undefined) files.set('README.md', renamed(readme.toString(), name, manifest))
  files.set('package.json', newManifest(name, dir, manifest))
  return files
}

/** Relative to `folder`, with forward slashes; what a test run left in node_modules is none. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath, found.name).slice(folder.length + 1))
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !path.startsWith('node_modules/'))
}

/** The heading of a sample has its version too. */
function renamed(readme: string, name: string, template: TemplateManifest): string {
  return readme
    .replace(`# ${template.name} ${template.version}\n`, `# ${name}\n`)
    .replaceAll(template.name, name)
}
