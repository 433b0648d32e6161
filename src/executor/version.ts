/** The version of this headgate, from its own package.json. */

import { readFileSync } from 'node:fs'
import { z } from 'zod'

export const HEADGATE_VERSION: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))).version
