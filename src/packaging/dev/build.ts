/**
 * One development version of a source folder: bundled as `headgate pack` bundles, under a version
 * number of its own, and put into a packages folder as a drop that is complete at once.
 *
 * B1  Nothing is written into the source folder.
 * B2  The drop appears by one rename, with a manifest of its files.
 * B3  Its number is a prerelease, which no policy promotes by itself.
 */

import { hash } from 'node:crypto'
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { HeadgateError } from '../../base/errors.ts'
import { isRecord } from '../../domain/canonical-json.ts'
import { CONTRACT } from '../../domain/descriptor.ts'
import { type DigestedFile, MANIFEST_FILE } from '../../domain/digest.ts'
import { bundlePackage } from '../bundle.ts'
import { bundleFile, dataFiles, packedPackageJson } from '../data-files.ts'
import { type OwnPackage, readOwnPackage } from '../own-package.ts'

export interface Build {
  readonly own: OwnPackage
  /** `2.1.0-dev.3`. */
  readonly version: string
  /** Absolute paths of the modules it was made of. */
  readonly modules: readonly string[]
  readonly warnings: readonly string[]
  /** Text by path, of what is made; data files are copied. */
  readonly texts: ReadonlyMap<string, string>
  readonly data: readonly string[]
}

/** Throws the coded reason for which the folder `dir` makes no version. */
export async function buildVersion(dir: string, number: number): Promise<Build> {
  const own = readOwnPackage(dir)
  const bundle = await bundlePackage(own, bundleFile(own.entryFile))
  const version = developmentVersion(own.packageJson.version, number)
  const texts = new Map([
    ['package.json', developmentPackageJson(packedPackageJson(own, bundle.file), version)],
    [bundle.file, bundle.code],
    [`${bundle.file}.map`, bundle.map],
  ])
  const data = dataFiles(own).filter((path) => !texts.has(path))
  const { modules, warnings } = bundle
  return { own, version, modules, warnings, texts, data }
}

/** A prerelease of the package's own version, or a further step of its prerelease. */
export function developmentVersion(version: string, number: number): string {
  return `${version}${version.includes('-') ? '.' : '-'}dev.${number}`
}

/**
 * Puts the version at `target`; `hidden` is a path beside it that executors ignore. Throws
 * FILE_REFUSED.
 */
export function placeVersion(build: Build, hidden: string, target: string): void {
  try {
    const files = writeFiles(build, hidden)
    writeFileSync(join(hidden, MANIFEST_FILE), JSON.stringify({ contract: CONTRACT, files }))
    renameSync(hidden, target)
  } catch (fault) {
    rmSync(hidden, { recursive: true, force: true })
    throw fault
  }
}

function writeFiles({ own, texts, data }: Build, folder: string): readonly DigestedFile[] {
  return [...texts.keys(), ...data].sort().map((path) => {
    const to = join(folder, path)
    mkdirSync(dirname(to), { recursive: true })
    const text = texts.get(path)
    if (text === undefined) copyData(own, path, to)
    else writeFileSync(to, text)
    const bytes = readFileSync(to)
    return { path, size: bytes.length, sha256: hash('sha256', bytes, 'hex') }
  })
}

function copyData({ dir, name }: OwnPackage, path: string, to: string): void {
  const from = join(dir, path)
  if (!lstatSync(from).isFile()) {
    const why = 'only regular files are taken: leave it out by "files" in package.json'
    throw new HeadgateError('FILE_REFUSED', { entry: name, file: path, why })
  }
  copyFileSync(from, to)
}

/** Whatever the author's policy is: in development the newest save serves, the last ones go soon. */
function developmentPackageJson(packed: string, version: string): string {
  const json: Readonly<Record<string, unknown>> = JSON.parse(packed)
  const headgate = isRecord(json['headgate']) ? json['headgate'] : {}
  const { keepWarm: _, ...kept } = headgate
  return JSON.stringify({ ...json, version, headgate: { ...kept, promotion: 'auto' } })
}
