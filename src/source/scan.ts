/**
 * What lies in packages-dir, two levels of names deep: the candidates, not yet what is in them.
 *
 * Synchronous; nothing is opened but folders, and no symbolic link is followed below the root.
 */

import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Stats } from 'node:fs'
import { isName } from '../domain/names.ts'
import { codeOf } from './fs-fault.ts'

export type CandidateKind =
  | { readonly type: 'directory' }
  /** Not a drop; `code` says which refusal it is. */
  | {
      readonly type: 'refused'
      readonly code: 'DROP_UNSUPPORTED' | 'FILE_REFUSED' | 'NAME_INVALID'
      readonly why: string
    }

export interface Candidate {
  /** `<entry>` or `@tenant/<entry>`. */
  readonly entry: string
  readonly tenant: string
  /** Absolute. */
  readonly path: string
  readonly kind: CandidateKind
  /** Changes when the entry itself is replaced. */
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
    for (const name of listNames(root)) {
      const path = join(root, name)
      const stat = lstatSync(path, { throwIfNoEntry: false })
      if (stat === undefined) continue
      if (name.startsWith('@') && stat.isDirectory()) {
        scanTenant(name, path, stat, candidates, unreadable)
      } else {
        candidates.push(candidate(name, DEFAULT_TENANT, path, stat))
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
  name: string,
  path: string,
  stat: Stats,
  candidates: Candidate[],
  unreadable: Set<string>,
): void {
  const tenant = name.slice(1)
  if (!isName('tenant', tenant)) {
    const kind = { type: 'refused', code: 'NAME_INVALID', why: tenant } as const
    candidates.push({ entry: name, tenant: DEFAULT_TENANT, path, kind, stamp: stampOf(stat) })
    return
  }
  let names: string[]
  try {
    names = listNames(path)
  } catch (fault) {
    if (codeOf(fault) !== 'ENOENT') unreadable.add(`${name}/`)
    return
  }
  for (const inner of names) {
    const innerPath = join(path, inner)
    const innerStat = lstatSync(innerPath, { throwIfNoEntry: false })
    if (innerStat !== undefined) {
      candidates.push(candidate(`${name}/${inner}`, tenant, innerPath, innerStat))
    }
  }
}

function listNames(directory: string): string[] {
  return readdirSync(directory).filter((name) => !isIgnoredName(name))
}

function candidate(entry: string, tenant: string, path: string, stat: Stats): Candidate {
  return { entry, tenant, path, kind: kindOf(entry, stat), stamp: stampOf(stat) }
}

function kindOf(entry: string, stat: Stats): CandidateKind {
  if (stat.isDirectory()) return { type: 'directory' }
  if (stat.isSymbolicLink()) {
    return { type: 'refused', code: 'FILE_REFUSED', why: 'symbolic links are not followed' }
  }
  if (entry.endsWith('.tgz')) {
    const why =
      'archives are read in a later release, together with `headgate pack`; drop the folder'
    return { type: 'refused', code: 'DROP_UNSUPPORTED', why }
  }
  return { type: 'refused', code: 'DROP_UNSUPPORTED', why: 'only folders are drops' }
}

function stampOf(stat: Stats): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
}
