/**
 * headgate's own package: where it lies and which version it is.
 *
 * src/ in the repository and lib/ in the published package lie at the same depth below package.json.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** Absolute path of the folder of headgate's package.json. */
export const PACKAGE_ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** The version of this headgate, from its own package.json. */
export const HEADGATE_VERSION: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'))).version
