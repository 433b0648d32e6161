/**
 * One look at a drop: every file and folder by lstat, nothing of it opened.
 *
 * Left out, as no version is made of it: `.git`, `node_modules/.bin`, what npm installed for
 * development only, and `node_modules/headgate`, because the executor gives every package its own.
 *
 * W1  `form` is equal for two looks only if path, size, mtime, ctime and inode of everything are.
 * W2  what may not be opened (links, FIFOs, sockets, devices) is listed in `strange`, never opened.
 */

import { hash } from 'node:crypto'
import { lstatSync, readdirSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { developmentFolders } from './dev-dependencies.ts'
import { classify, codeOf } from './fs-fault.ts'
import type { FsFault } from './fs-fault.ts'
import { DEEPEST, MOST_FILES } from './limits.ts'
import { isSkipped } from './path-rules.ts'

export interface WalkedFile {
  /** Relative to the drop's top, with forward slashes. */
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly ino: number
}

export interface Walk {
  /** Sorted by path. */
  readonly files: readonly WalkedFile[]
  readonly folders: readonly string[]
  readonly strange: readonly { readonly path: string; readonly what: string }[]
  /** The first path that could not be read. */
  readonly unread: {
    readonly path: string
    readonly code: string
    readonly fault: FsFault
  } | null
  readonly bytes: number
  /**
   * When something last changed: the newest ctime below the top folder, or the top's mtime if that
   * is later. The top's ctime says nothing, as renaming the folder in changes it; its mtime is the
   * only trace of a file that was deleted from it.
   */
  readonly newestChangeMs: number
  /** When it came to lie here as it is: the newest ctime of all, the top's included. */
  readonly landedMs: number
  /** Why the walk ended early; the rest is not known. */
  readonly cut: string | null
  readonly form: string
}

/** null: the folder is gone. */
export function walkDrop(top: string): Walk | null {
  const files: WalkedFile[] = []
  const folders: string[] = []
  const strange: { path: string; what: string }[] = []
  const lines: string[] = []
  let unread: Walk['unread'] = null
  let bytes = 0
  let cut: string | null = null

  const note = (path: string, fault: unknown): void => {
    const code = codeOf(fault)
    unread ??= { path, code, fault: classify(fault) }
    lines.push(`unread ${path} ${code}`)
  }
  const list = (folder: string): string[] => {
    try {
      return readdirSync(join(top, folder)).sort()
    } catch (fault) {
      note(folder, fault)
      return []
    }
  }
  const look = (path: string): Stats | undefined => {
    try {
      return lstatSync(join(top, path), { throwIfNoEntry: false })
    } catch (fault) {
      note(path, fault)
      return undefined
    }
  }

  const topStat = look('')
  if (topStat === undefined || !topStat.isDirectory()) return null
  let developmentOnly: ReadonlySet<string> = new Set()
  let newestChangeMs = topStat.mtimeMs
  const pending = [{ folder: '', depth: 1 }]
  for (let at = pending.pop(); at !== undefined && cut === null; at = pending.pop()) {
    for (const name of list(at.folder)) {
      const path = at.folder === '' ? name : `${at.folder}/${name}`
      if (isSkipped(path) || developmentOnly.has(path)) continue
      const stat = look(path)
      if (stat === undefined) {
        // A name that is not UTF-8 cannot be spelled, so it cannot be found either.
        if (name.includes('\uFFFD')) strange.push({ path, what: 'its name is not UTF-8' })
        lines.push(`gone ${path}`)
        continue
      }
      newestChangeMs = Math.max(newestChangeMs, stat.ctimeMs)
      const { size, mtimeMs, ctimeMs, ino } = stat
      lines.push(`${path}\0${stat.mode} ${size} ${mtimeMs} ${ctimeMs} ${ino}`)
      if (stat.isFile()) {
        files.push({ path, size, mtimeMs, ctimeMs, ino })
        bytes += size
      } else if (stat.isDirectory()) {
        folders.push(path)
        if (path === 'node_modules') developmentOnly = developmentFolders(top)
        if (at.depth < DEEPEST) pending.push({ folder: path, depth: at.depth + 1 })
        else strange.push({ path, what: `folders are nested deeper than ${DEEPEST}` })
      } else {
        strange.push({ path, what: nameOfType(stat) })
      }
      if (files.length > MOST_FILES || folders.length + strange.length > MOST_FILES) {
        cut = `more than ${MOST_FILES} files`
        break
      }
    }
  }
  if (unread !== null && topIsGone(unread)) return null
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  const form = hash('sha256', lines.join('\n'))
  const landedMs = Math.max(newestChangeMs, topStat.ctimeMs)
  return { files, folders, strange, unread, bytes, newestChangeMs, landedMs, cut, form }
}

function topIsGone(unread: { readonly path: string; readonly fault: FsFault }): boolean {
  return unread.path === '' && unread.fault === 'gone'
}

function nameOfType(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'symbolic links are refused'
  if (stat.isFIFO()) return 'it is a FIFO'
  if (stat.isSocket()) return 'it is a socket'
  return 'it is a device'
}
