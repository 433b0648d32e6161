/**
 * Runs one sample in a process of its own, so that no competitor inherits another's heap, compiled
 * code or threads.
 *
 * The spec goes in as the first argument, the result comes back as one IPC message.
 */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SAMPLE_TIMEOUT_MS = 30 * 60_000

/** `entry` is a module that calls `serveSample`; `flags` are Node's. */
export function runSample<Result>(
  entry: URL,
  spec: object,
  flags: readonly string[] = [],
): Promise<Result> {
  const child = fork(fileURLToPath(entry), [JSON.stringify(spec)], {
    // Neither flags nor environment of the caller may change what is measured.
    execArgv: [...flags],
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: SAMPLE_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.on('exit', kill)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000)
  })
  return new Promise((resolve, reject) => {
    let result: { readonly value: Result } | undefined
    child.on('message', (message) => {
      result = message as { readonly value: Result }
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('exit', kill)
      if (code === 0 && result !== undefined) resolve(result.value)
      else {
        const how = signal ?? `code ${code}`
        reject(new Error(`sample ${JSON.stringify(spec)} ended with ${how}: ${stderr.trim()}`))
      }
    })
  })
}

/** The other side: runs `sample` on the given spec and answers. A sample must leave nothing open. */
export async function serveSample<Spec, Result>(
  sample: (spec: Spec) => Promise<Result>,
): Promise<void> {
  const spec = JSON.parse(process.argv[2] ?? 'null') as Spec
  const value = await sample(spec)
  if (process.send === undefined) process.stdout.write(`${JSON.stringify(value)}\n`)
  else process.send({ value }, undefined, undefined, () => process.disconnect?.())
}
