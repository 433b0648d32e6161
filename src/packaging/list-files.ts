/**
 * The files of a package's folder that may be its own: no node_modules, nothing hidden.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Sorted, relative, with forward slashes. Symbolic links are listed as files: whoever takes one up
 * has to look.
 */
export function listFiles(dir: string): readonly string[] {
  const files: string[] = []
  const pending = ['']
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of readdirSync(join(dir, folder), { withFileTypes: true })) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) pending.push(path)
      else files.push(path)
    }
  }
  return files.sort()
}
