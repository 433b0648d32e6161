/**
 * What lies in packages-dir, two levels of names deep: the candidates, not yet what is in them.
 *
 * Synchronous; nothing is opened but folders, and no symbolic link is followed below the root.
 */

import { lstatSync, readdirSync, statSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { isName } from '../domain/names.ts'
import { codeOf } from './fs-fault.ts'

export type CandidateKind =
  | { readonly type: 'directory' }
  /** A regular file `<name>.tgz`. */
  | { readonly type: 'archive' }
  /** Not a drop; `code` says which refusal it is. */
  | {
      readonly type: 'refused'
      readonly code: 'DROP_UNSUPPORTED' | 'FILE_REFUSED' | 'NAME_INVALID' | 'DROP_INCOMPLETE'
      readonly why: string
    }

export interface Candidate {
  /** `<entry>` or `@tenant/<entry>`. */
  readonly entry: string
  readonly tenant: string
  /** Absolute. */
  readonly path: string
  readonly kind: CandidateKind
  /** Changes when a refused entry is replaced; drops are compared by what is in them. */
  readonly stamp: string
}

export type Scan =
  | {
      readonly kind: 'listed'
      /** Identity of the root folder: a new one means that file events are lost. */
      readonly root: string
      readonly candidates: readonly Candidate[]
      /** Tenant folders that exist and cannot be listed: what is below them is unknown. */
      readonly unreadable: ReadonlySet<string>
    }
  | { readonly kind: 'missing'; readonly reason: string }

export const DEFAULT_TENANT = 'public'

/** True for names that are work in progress by convention: `.x`, `x.part`, `x~`. */
export function isIgnoredName(name: string): boolean {
  return name.startsWith('.') || name.endsWith('.part') || name.endsWith('~')
}

export function scanRoot(root: string): Scan {
  const candidates: Candidate[] = []
  const unreadable = new Set<string>()
  try {
    const { dev, ino } = statSync(root)
    for (const found of list(root)) {
      if (found.name.startsWith('@') && found.isDirectory()) {
        scanTenant(join(root, found.name), found.name, candidates, unreadable)
      } else {
        add(candidates, found.name, DEFAULT_TENANT, root, found)
      }
    }
    return { kind: 'listed', root: `${dev}:${ino}`, candidates, unreadable }
  } catch (fault) {
    return { kind: 'missing', reason: `${root} cannot be read: ${codeOf(fault)}` }
  }
}

/** The entry a path below the root belongs to; null for the root or an ignored name. */
export function entryOf(parts: readonly string[]): string | null {
  const [first, second] = parts
  if (first === undefined || first === '' || first === '..' || isIgnoredName(first)) return null
  if (!first.startsWith('@')) return first
  return second === undefined || isIgnoredName(second) ? null : `${first}/${second}`
}

function scanTenant(
  path: string,
  name: string,
  candidates: Candidate[],
  unreadable: Set<string>,
): void {
  const tenant = name.slice(1)
  if (!isName('tenant', tenant)) {
    const kind = { type: 'refused', code: 'NAME_INVALID', why: tenant } as const
    candidates.push({ entry: name, tenant: DEFAULT_TENANT, path, kind, stamp: '' })
    return
  }
  try {
    for (const found of list(path)) add(candidates, `${name}/${found.name}`, tenant, path, found)
  } catch (fault) {
    const code = codeOf(fault)
    if (code === 'ENOENT') return
    unreadable.add(`${name}/`)
    const why = `the folder cannot be listed: ${code}`
    const kind = { type: 'refused', code: 'DROP_INCOMPLETE', why } as const
    candidates.push({ entry: name, tenant, path, kind, stamp: code })
  }
}

function list(folder: string): Dirent[] {
  return readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !isIgnoredName(name))
}

function add(
  candidates: Candidate[],
  entry: string,
  tenant: string,
  folder: string,
  found: Dirent,
): void {
  const path = join(folder, found.name)
  if (found.isDirectory()) {
    candidates.push({ entry, tenant, path, kind: { type: 'directory' }, stamp: '' })
    return
  }
  const kind = kindOf(found)
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  const stamp = `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
  candidates.push({ entry, tenant, path, kind, stamp })
}

function kindOf(found: Dirent): CandidateKind {
  if (found.isFile() && found.name.endsWith('.tgz')) return { type: 'archive' }
  if (found.isSymbolicLink()) {
    return { type: 'refused', code: 'FILE_REFUSED', why: 'symbolic links are not followed' }
  }
  const why = 'only folders and .tgz archives are drops'
  return { type: 'refused', code: 'DROP_UNSUPPORTED', why }
}
