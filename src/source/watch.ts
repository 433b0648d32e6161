/**
 * File events of packages-dir, as hints and nothing more (chokidar).
 *
 * Raw events are taken too: they come before chokidar has listed and compared, which is work on
 * libuv's pool that a package's own code can hold up.
 *
 * chokidar follows folders only. What happens to the files of an entry is told raw by the folder they
 * lie in; listing and comparing each of them would take the CPU while the version is being loaded.
 */

import { realpathSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { watch } from 'chokidar'
import { codeOf } from './fs-fault.ts'
import { entryOf, isIgnoredName } from './scan.ts'

export interface WatchHandlers {
  /** Something changed in an entry; null: among the names of the root. */
  hint(entry: string | null): void
  /** Events come from now on. */
  ready(): void
  /** Events may have been lost. */
  uncertain(): void
  /** The system has no watches left: there will be no reliable events. */
  exhausted(reason: string): void
}

export interface Watching {
  /** Folders that are watched, which is what they cost the system in watches. */
  readonly folders: number
  close(): Promise<void>
}

/** The root, its entries and one folder in each; tenants' entries without their sub-folders. */
const DEPTH = 2

const EXHAUSTED = new Set(['ENOSPC', 'EMFILE', 'ENFILE'])

export function watchRoot(folder: string, handlers: WatchHandlers): Watching {
  const root = withoutLinks(folder)
  const watcher = watch(root, {
    depth: DEPTH,
    followSymlinks: false,
    ignoreInitial: true,
    atomic: false,
    ignored: (path, stats) => {
      const parts = relative(root, path).split(sep)
      return isLeftOut(parts) || (stats?.isFile() === true && isWithinEntry(parts))
    },
  })
  let open = true
  const hint = (path: string): void => {
    if (!open) return
    const parts = relative(root, path).split(sep)
    if (parts[0] !== undefined && isIgnoredName(parts[0]) && parts[0] !== '..') return
    handlers.hint(entryOf(parts))
  }
  watcher.on('all', (_event, path) => hint(path))
  watcher.on('raw', (_event, path, details: unknown) => {
    const watched: unknown =
      typeof details === 'object' && details !== null ? Reflect.get(details, 'watchedPath') : null
    hint(typeof watched === 'string' ? join(watched, path ?? '') : root)
  })
  watcher.on('ready', () => {
    if (open) handlers.ready()
  })
  watcher.on('error', (fault) => {
    if (!open) return
    const code = codeOf(fault)
    if (EXHAUSTED.has(code)) handlers.exhausted(`no file watches left (${code})`)
    else handlers.uncertain()
  })
  return {
    get folders() {
      return Object.keys(watcher.getWatched()).filter((path) => isWatched(root, path)).length
    },
    close() {
      open = false
      return watcher.close()
    },
  }
}

/** The root itself may be a link, which chokidar would not follow; below it none is. */
function withoutLinks(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

/** chokidar's list names the root's parent and folders one level too deep, which have no watch. */
function isWatched(root: string, path: string): boolean {
  const parts = relative(root, path).split(sep)
  return parts[0] !== '..' && parts.length <= DEPTH
}

function isWithinEntry(parts: readonly string[]): boolean {
  return parts.length > (parts[0]?.startsWith('@') === true ? 2 : 1)
}

/** Parts that are large and seldom change alone: the reconcile sees them. */
function isLeftOut(parts: readonly string[]): boolean {
  if (parts[0] === '' || parts[0] === '..') return false
  return (
    (parts[0] !== undefined && isIgnoredName(parts[0])) ||
    parts.includes('node_modules') ||
    parts.includes('.git')
  )
}
