/** Node's flags as `headgate start` has them on this machine. */

import { helperThreadsFlag } from '../../src/cli/helper-threads.ts'

export function startFlags(): string[] {
  const flag = helperThreadsFlag()
  return flag === null ? [] : [flag]
}
