/**
 * What npm installed into a drop's node_modules for development only: no part of the version.
 *
 * npm notes for each folder of node_modules whether only devDependencies lead to it, in a lock file
 * that it keeps in node_modules itself. A folder that was filled otherwise, or a file that cannot be
 * understood, says nothing: then everything comes along, and what may not is refused.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** Relative to the drop's top, with forward slashes. */
export const INSTALLED_LIST = 'node_modules/.package-lock.json'

/** Some 300 bytes a package; a larger one than this is not npm's. */
const LARGEST_LIST = 32 * 1_048_576

/** Neither follows a link nor waits for the other end of a FIFO. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const listSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      dev: z.boolean().optional(),
      link: z.boolean().optional(),
      resolved: z.string().optional(),
    }),
  ),
})

/** Folders and links below `top`, relative to it, that are there for development only. */
export function developmentFolders(top: string): ReadonlySet<string> {
  const text = readList(join(top, INSTALLED_LIST))
  if (text === null) return new Set()
  const { packages } = listSchema.safeParse(parse(text)).data ?? { packages: {} }
  const installed = new Map(Object.entries(packages))
  const found = new Set<string>()
  for (const [path, { dev, link, resolved }] of installed) {
    // Of a link, npm says it at the entry of its target.
    const forDevelopment = link === true ? installed.get(resolved ?? '')?.dev : dev
    if (forDevelopment === true && path.startsWith('node_modules/')) found.add(path)
  }
  return found
}

function readList(path: string): string | null {
  let fd: number
  try {
    fd = openSync(path, READ_FLAGS)
  } catch {
    return null
  }
  try {
    const stat = fstatSync(fd)
    return stat.isFile() && stat.size <= LARGEST_LIST ? readFileSync(fd, 'utf8') : null
  } catch {
    return null
  } finally {
    closeSync(fd)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
