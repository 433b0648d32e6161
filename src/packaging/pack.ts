/**
 * From a source folder to a packed version.
 *
 * K1  Nothing is written into the source folder, not even the archive: the folder would be another
 *     version with it than the one it was packed from. Nothing is written before all checks passed.
 * K2  What is written depends on the files of the package, their dependencies and the tools named in
 *     the manifest alone: not on time, place, user or order of the files on disk. Signatures
 *     depend on that and on the keys, and change nothing but the manifest.
 */

import type { KeyObject } from 'node:crypto'
import { copyFileSync, lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { version as esbuildVersion } from 'esbuild'
import { systemClock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import { CONTRACT } from '../domain/descriptor.ts'
import { fileListDigest, MANIFEST_FILE } from '../domain/digest.ts'
import { claimsOf } from '../domain/manifest-claims.ts'
import {
  MANIFEST_LIMIT,
  manifestChecksum,
  manifestText,
  parseManifest,
} from '../domain/manifest.ts'
import { parsePackageJson } from '../domain/package-json.ts'
import { keyId, signManifest } from '../domain/signature.ts'
import { HEADGATE_VERSION } from '../base/headgate-package.ts'
import { inspectDrop } from '../source/inspect.ts'
import { stageFiles } from '../source/stage.ts'
import { walkDrop } from '../source/walk.ts'
import { writeArchive } from './archive.ts'
import { type Bundle, bundlePackage } from './bundle.ts'
import { bundleFile, dataFiles, packedPackageJson } from './data-files.ts'
import { refusalOf } from './dependencies.ts'
import { type Extracted, extract } from './extract.ts'
import { isInside } from './is-inside.ts'
import { archiveName, type OwnPackage, readOwnPackage, sourceDigest } from './own-package.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { type Compiler, findCompiler, typeCheck } from './type-check.ts'

export interface PackOptions {
  /** Absolute path of the package's folder. */
  readonly dir: string
  /** Absolute path of an existing folder outside of `dir` (OPTION_INVALID): the archive is put there. */
  readonly out: string
  /** Private Ed25519 keys; each signs the version. Default: none. */
  readonly sign?: readonly KeyObject[]
  /** Called with a sentence before each step that takes time. */
  readonly progress?: (line: string) => void
  /** Gives up at the next step; the compiler and the thread are ended at once. */
  readonly signal?: AbortSignal
  /** For the one import of the bundle. Default 30 s. */
  readonly timeoutMs?: number
}

export interface Packed {
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly interfaceDigest: string
  readonly sourceDigest: string | null
  /** In the package, the manifest included. */
  readonly files: number
  readonly bytes: {
    readonly bundle: number
    readonly sourceMap: number
    /** All files. */
    readonly unpacked: number
  }
  /** Names and versions of what is in the bundle. */
  readonly dependencies: readonly { readonly name: string; readonly version: string }[]
  readonly warnings: readonly string[]
  readonly typeChecked: boolean
  /** Fingerprints of the keys that signed it. */
  readonly signedBy: readonly string[]
}

export interface PackedArchive extends Packed {
  /** Absolute path of the archive. */
  readonly path: string
  readonly archiveBytes: number
  readonly ms: number
}

const TIMEOUT_MS = 30_000

const NEVER = new AbortController().signal

/** Writes `<name>-<version>.tgz`; throws the coded reason for which it cannot be packed. */
export async function pack(options: PackOptions): Promise<PackedArchive> {
  const began = systemClock.monotonic()
  if (isInside(options.out, options.dir)) {
    const why = `${options.out} lies in the package, which would hold its own archive`
    throw new HeadgateError('OPTION_INVALID', { option: '--out', why })
  }
  using work = temporaryFolder()
  const folder = join(work.dir, 'package')
  const { packed, files } = await packInto(folder, work.dir, options)
  const path = join(options.out, archiveName({ name: packed.package, version: packed.version }))
  options.signal?.throwIfAborted()
  options.progress?.('writing the archive')
  await writeArchive(folder, files, path)
  const archiveBytes = statSync(path).size
  return { ...packed, path, archiveBytes, ms: systemClock.monotonic() - began }
}

/** The same without an archive: writes the packed version as the folder `to`, which it makes. */
export async function packFolder(
  options: Omit<PackOptions, 'out'> & { readonly to: string },
): Promise<Packed> {
  using work = temporaryFolder()
  return (await packInto(options.to, work.dir, options)).packed
}

async function packInto(
  folder: string,
  workDir: string,
  {
    dir,
    sign = [],
    progress = () => {},
    timeoutMs = TIMEOUT_MS,
    signal = NEVER,
  }: Omit<PackOptions, 'out'>,
): Promise<{ readonly packed: Packed; readonly files: readonly string[] }> {
  const own = readOwnPackage(dir)
  requireInstallable(own)
  const compiler = findCompiler(own.dir)
  if (compiler !== null) {
    progress(`type-checking with TypeScript ${compiler.version}`)
    await typeCheck(own.dir, own.name, compiler, signal)
  }
  progress(`bundling ${own.entryFile}`)
  const bundle = await bundlePackage(own, bundleFile(own.entryFile))
  signal.throwIfAborted()
  const files = writePackage(folder, own, bundle)
  progress('importing the bundle once, in a worker thread under permissions')
  const extracted = await extract({
    package: own.name,
    version: own.packageJson.version,
    options: own.packageJson.options,
    // The author's own code, run by the author.
    grants: own.packageJson.options.permissions,
    from: folder,
    files,
    entryFile: bundle.file,
    workDir,
    timeoutMs,
    signal,
  })
  const manifest = writeManifest(folder, own, bundle, extracted, compiler, sign)
  const { digest, interfaceDigest } = manifest
  return {
    files: [...files, MANIFEST_FILE],
    packed: {
      package: own.name,
      version: own.packageJson.version,
      digest,
      interfaceDigest,
      sourceDigest: manifest.sourceDigest ?? null,
      files: files.length + 1,
      bytes: {
        bundle: Buffer.byteLength(bundle.code),
        sourceMap: Buffer.byteLength(bundle.map),
        unpacked: manifest.bytes,
      },
      dependencies: bundle.dependencies.map(({ name, version }) => ({ name, version })),
      warnings: bundle.warnings,
      typeChecked: compiler !== null,
      signedBy: manifest.signedBy,
    },
  }
}

/** Native code and install scripts of the package itself. */
function requireInstallable({ dir, name, raw, files }: OwnPackage): void {
  const addon = files.find((path) => path.endsWith('.node'))
  const why =
    addon === undefined
      ? refusalOf(raw, dir)
      : `it is a native addon (${addon}), built for one platform`
  if (why !== null) {
    throw new HeadgateError('DEPENDENCY_REFUSED', { package: name, dependency: 'itself', why })
  }
}

/** Everything but the manifest; returns the paths, sorted. */
function writePackage(folder: string, own: OwnPackage, bundle: Bundle): readonly string[] {
  const written = new Map([
    ['package.json', packedPackageJson(own, bundle.file)],
    [bundle.file, bundle.code],
    [`${bundle.file}.map`, bundle.map],
  ])
  const data = dataFiles(own).filter((path) => !written.has(path))
  const files = [...written.keys(), ...data].sort()
  for (const path of files) mkdirSync(dirname(join(folder, path)), { recursive: true })
  for (const [path, text] of written) writeFileSync(join(folder, path), text)
  for (const path of data) {
    if (!lstatSync(join(own.dir, path)).isFile()) {
      const why = 'only regular files can be packed: leave it out by "files" in package.json'
      throw new HeadgateError('FILE_REFUSED', { entry: own.name, file: path, why })
    }
    copyFileSync(join(own.dir, path), join(folder, path))
  }
  return files
}

function writeManifest(
  folder: string,
  own: OwnPackage,
  bundle: Bundle,
  extracted: Extracted,
  compiler: Compiler | null,
  keys: readonly KeyObject[],
): Pick<Packed, 'digest' | 'interfaceDigest' | 'signedBy'> & {
  readonly sourceDigest?: string
  readonly bytes: number
} {
  const walk = walkDrop(folder)
  const fault = walk === null ? null : inspectDrop(own.name, walk)
  if (fault !== null) throw fault
  const all = { from: folder, files: walk?.files ?? [], to: null, between: () => {} }
  const keep = new Set(['package.json'])
  const { files, texts } = stageFiles({ ...all, keep, expected: new Map() })
  const running = { node: null, headgate: null }
  const packageJson = parsePackageJson(texts.get('package.json') ?? '', own.name, running)
  const { definition, schemas } = extracted
  const { claims } = claimsOf(packageJson, bundle.file, { definition, schemas })
  const source = sourceDigest(own)
  const content = {
    contract: CONTRACT,
    ...claims,
    definition,
    schemas,
    files,
    digest: fileListDigest(files),
    ...(source === null ? {} : { sourceDigest: source }),
    tools: {
      headgate: HEADGATE_VERSION,
      node: process.versions.node,
      esbuild: esbuildVersion,
      ...(compiler === null ? {} : { typescript: compiler.version }),
    },
  }
  const checksum = manifestChecksum(content)
  const signatures = signManifest({ ...content, checksum }, keys)
  const signed = signatures.length === 0 ? {} : { signatures }
  const text = manifestText({ ...content, checksum, ...signed })
  const size = Buffer.byteLength(text)
  if (size > MANIFEST_LIMIT) {
    const why = `its manifest has ${size} bytes, at most ${MANIFEST_LIMIT}`
    throw new HeadgateError('PACKAGE_TOO_LARGE', { entry: own.name, why })
  }
  // What staging will do; a manifest that does not pass must never leave here.
  parseManifest(text, own.name)
  writeFileSync(join(folder, MANIFEST_FILE), text)
  const { digest, interfaceDigest, sourceDigest: sourced } = { sourceDigest: undefined, ...content }
  const bytes = files.reduce((sum, file) => sum + file.size, size)
  return {
    digest,
    interfaceDigest,
    bytes,
    signedBy: signatures.map(({ publicKey }) => keyId(publicKey)),
    ...(sourced === undefined ? {} : { sourceDigest: sourced }),
  }
}
