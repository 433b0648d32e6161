/**
 * How the process of `start` or `dev` ends.
 *
 * process.exit() waits for every worker thread, and a thread in a native call that takes hours
 * (crypto.pbkdf2Sync) cannot be ended. Only the end of the process image takes it away: the process
 * becomes another one that does nothing but exit with the code.
 */

import type { Process } from './helper-threads.ts'

export function exitProcess(
  code: number,
  threadsRemain: boolean,
  self: Pick<Process, 'execPath' | 'execve'> & {
    readonly pid: number
    exit(code: number): void
    kill(pid: number, signal: 'SIGKILL'): void
  } = process,
): void {
  if (!threadsRemain) self.exit(code)
  // Without the environment: NODE_OPTIONS could preload something.
  else if (self.execve !== undefined) {
    self.execve(self.execPath, [self.execPath, '-e', `process.exit(${code})`], {})
  } else self.kill(self.pid, 'SIGKILL')
}
