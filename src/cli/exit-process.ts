/**
 * How the process of `start` or `dev` ends.
 *
 * process.exit() waits for every worker thread, and a thread in a native call that takes hours
 * (crypto.pbkdf2Sync) cannot be ended. Only the end of the process image takes it away: the process
 * becomes another one that does nothing but exit with the code.
 */

export function exitProcess(code: number, threadsRemain: boolean): void {
  if (!threadsRemain) process.exit(code)
  const { execPath } = process
  // Without the environment: NODE_OPTIONS could preload something.
  process.execve?.(execPath, [execPath, '-e', `process.exit(${code})`], {})
  // Windows has no execve.
  process.kill(process.pid, 'SIGKILL')
}
