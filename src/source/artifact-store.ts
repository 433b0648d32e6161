/**
 * The verified copies of versions: `<artifactsDir>/<digest>/`, loaded from and linked from.
 *
 * Owns: which digests on disk are trusted, temporary folders, syncing to disk.
 * Does not own: what a drop is (examine.ts), when a copy may go (retention, later).
 *
 * A1  a digest is trusted only after its bytes were hashed in this thread: copied by it, or found
 *     on disk and verified. A copy is reported before it is synced, so one found at start may be torn.
 * A2  `<digest>/` appears by one rename, whole; a torn one is moved away before it is replaced.
 * A3  files are read-only. Folders stay writable for their owner, who must be able to delete them.
 * A4  `<digest>.<tenant>.source` beside an artifact says which source folder it was packed from, in
 *     a tenant's words. It lives as long as the artifact, so that the two are one version over
 *     restarts too, whichever of them is found first.
 */

import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { type DigestedFile, fileListDigest } from '../domain/digest.ts'
import { linkFiles } from './link.ts'
import { codeOf } from './fs-fault.ts'
import { stageFiles } from './stage.ts'
import { StageFault } from './stage-fault.ts'
import { TypeStripper } from './strip-files.ts'
import { walkDrop } from './walk.ts'

/** Files of an artifact by relative path. */
interface Trusted {
  readonly sizes: ReadonlyMap<string, number>
  /** sha-256, hex. */
  readonly hashes: ReadonlyMap<string, string>
}

const TEMP_PREFIX = '.tmp-'

export class ArtifactStore {
  readonly #root: string
  readonly #between: () => void
  /** By digest. */
  readonly #trusted = new Map<string, Trusted>()
  readonly #unsynced: string[] = []
  readonly #stripper = new TypeStripper()

  /** `between` is called between two files of a long task. */
  constructor(root: string, between: () => void = () => {}) {
    this.#root = root
    this.#between = between
  }

  /**
   * Makes the folder and deletes what an earlier thread left half done.
   * True when there are artifacts already.
   */
  open(): boolean {
    mkdirSync(this.#root, { recursive: true })
    const names = readdirSync(this.#root)
    const left = names.filter((name) => name.startsWith(TEMP_PREFIX))
    for (const name of left) remove(join(this.#root, name))
    return names.length > left.length
  }

  dirOf(digest: string): string {
    return join(this.#root, digest)
  }

  /** An empty folder on the same file system; throws StageFault. */
  makeTemp(): string {
    const temp = join(this.#root, `${TEMP_PREFIX}${randomUUID()}`)
    try {
      mkdirSync(temp, { recursive: true })
    } catch (fault) {
      throw new StageFault('resources', `the artifact store cannot be written: ${codeOf(fault)}`)
    }
    return temp
  }

  discard(temp: string): void {
    remove(temp)
  }

  /** True when `<digest>/` is there and its bytes are right; verified on first use (A1). */
  has(digest: string): boolean {
    const dir = this.dirOf(digest)
    if (!existsSync(dir)) {
      this.#trusted.delete(digest)
      return false
    }
    if (this.#trusted.has(digest)) return true
    const files = verify(dir, digest, this.#between)
    if (files === null) return false
    this.#trusted.set(digest, trusted(files))
    this.#unsynced.push(digest)
    return true
  }

  /** Sizes of the files of an artifact, by path; null: it is not there, or torn. */
  sizesOf(digest: string): ReadonlyMap<string, number> | null {
    return this.#filesOf(digest)?.sizes ?? null
  }

  /** Digest of the folder that the artifact was packed from, as far as `tenant` said (A4). */
  sourceOf(tenant: string, digest: string): string | null {
    try {
      return readFileSync(this.#sourceFile(tenant, digest), 'utf8')
    } catch {
      return null
    }
  }

  noteSource(tenant: string, digest: string, source: string | null): void {
    if (source === null || this.sourceOf(tenant, digest) === source) return
    const file = this.#sourceFile(tenant, digest)
    const temp = join(this.#root, `${TEMP_PREFIX}${randomUUID()}`)
    try {
      writeFileSync(temp, source)
      renameSync(temp, file)
    } catch (fault) {
      remove(temp)
      throw new StageFault('resources', `the artifact store cannot be written: ${codeOf(fault)}`)
    }
  }

  /**
   * True when the artifact is in place: `temp`, whose files were hashed to `digest` as they were
   * written, is taken over (A2); without one it has to be there already.
   */
  keep(temp: string | null, digest: string, files: readonly DigestedFile[]): boolean {
    if (this.has(digest)) return true
    if (temp === null) return false
    const dir = this.dirOf(digest)
    try {
      if (existsSync(dir)) {
        const torn = this.makeTemp()
        renameSync(dir, join(torn, digest))
        remove(torn)
      }
      renameSync(temp, dir)
    } catch (fault) {
      throw new StageFault('resources', `the artifact could not be put in place: ${codeOf(fault)}`)
    }
    this.#trusted.set(digest, trusted(files))
    this.#unsynced.push(digest)
    return true
  }

  /**
   * Hard links into `slotDir`, and its TypeScript as JavaScript beside them; throws STORE_FAILED
   * when there is no such artifact.
   */
  link(digest: string, slotDir: string, entryFile: string): void {
    const files = this.#filesOf(digest)
    if (files === undefined) {
      throw new HeadgateError('STORE_FAILED', { why: `artifact ${digest} is not there, or torn` })
    }
    linkFiles(this.dirOf(digest), [...files.sizes.keys()], slotDir)
    this.#stripper.into(slotDir, this.dirOf(digest), files.hashes, entryFile)
  }

  #filesOf(digest: string): Trusted | undefined {
    return this.has(digest) ? this.#trusted.get(digest) : undefined
  }

  /**
   * Syncs artifacts to disk, one file or folder a step, so that the caller can do what is more
   * urgent in between. A fault leaves the artifact unsynced: it is verified at the next start.
   */
  *sync(): Generator<void, void> {
    for (let digest = this.#unsynced.shift(); digest !== undefined; ) {
      const dir = this.dirOf(digest)
      const folders = new Set([dir])
      for (const path of this.#trusted.get(digest)?.sizes.keys() ?? []) {
        yield syncPath(join(dir, path))
        for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
          folders.add(join(dir, path.slice(0, cut)))
        }
      }
      for (const folder of folders) yield syncPath(folder)
      digest = this.#unsynced.shift()
    }
    yield syncPath(this.#root)
  }

  get unsynced(): number {
    return this.#unsynced.length
  }

  #sourceFile(tenant: string, digest: string): string {
    return join(this.#root, `${digest}.${tenant}.source`)
  }
}

/** The files of an artifact whose bytes hash to its digest; null: torn or foreign. */
function verify(dir: string, digest: string, between: () => void): readonly DigestedFile[] | null {
  const walk = walkDrop(dir)
  if (walk === null || walk.unread !== null || walk.strange.length > 0) return null
  try {
    const from = { from: dir, files: walk.files, to: null }
    const staged = stageFiles({ ...from, keep: new Set(), expected: new Map(), between })
    return fileListDigest(staged.files) === digest ? staged.files : null
  } catch (fault) {
    if (fault instanceof StageFault && fault.kind !== 'resources') return null
    throw fault
  }
}

function trusted(files: readonly DigestedFile[]): Trusted {
  return {
    sizes: new Map(files.map(({ path, size }) => [path, size])),
    hashes: new Map(files.map(({ path, sha256 }) => [path, sha256])),
  }
}

function syncPath(path: string): void {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return
  }
  try {
    fsyncSync(fd)
  } catch {
    // Not every file system syncs folders; bytes are verified at the next start anyway (A1).
  } finally {
    closeSync(fd)
  }
}

/** What cannot be deleted now is deleted at the next start. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    return
  }
}
