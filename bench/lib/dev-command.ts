/** `headgate dev --json` as a process of its own, whose source folder is saved to and asked. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { createClient } from '../../src/client/client.ts'
import { within } from './executor.ts'

export interface Save {
  /** From just before the write to the answer by the new code. */
  readonly savedToAnswerMs: number
  /** As the command itself tells its parts. */
  readonly ms: Readonly<Record<'notice' | 'bundle' | 'stage' | 'load' | 'swap', number>>
}

export interface Edited {
  /** Absolute path of the module that declares the workflow. */
  readonly file: string
  /** Its last task, whose name the edits change: the answer then tells which code ran. */
  readonly task: string
  /** Namespace. */
  readonly workflow: string
}

export interface DevCommand extends AsyncDisposable {
  /** `pauseMs`: between an answer and the next save. */
  saves(
    edited: Edited,
    options: { readonly count: number; readonly pauseMs: number },
  ): Promise<readonly Save[]>
}

const SHIM = fileURLToPath(new URL('../../src/cli/headgate.js', import.meta.url))

const part = z.number()
const lineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listening'), url: z.string() }),
  z.object({
    type: z.literal('serving'),
    version: z.string(),
    ms: z.object({ notice: part, bundle: part, stage: part, load: part, swap: part }),
  }),
  z.object({ type: z.literal('log') }),
])
type Line = z.infer<typeof lineSchema>

/** Resolves when the folder as it is serves. */
export async function openDevCommand(dir: string): Promise<DevCommand> {
  const child = spawn(process.execPath, [SHIM, 'dev', dir, '--json'], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.on('exit', kill)
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async <T extends Line['type']>(type: T): Promise<Extract<Line, { type: T }>> => {
    for (;;) {
      const { value, done } = await within(`headgate dev to say ${type}`, lines.next())
      if (done === true) throw new Error(`headgate dev ended before it said ${type}`)
      // What is refused is no line of these: the run ends with what it says.
      const line = lineSchema.parse(JSON.parse(value))
      if (line.type === type) return line as Extract<Line, { type: T }>
    }
  }
  const { url } = await next('listening')
  const client = createClient({ url })
  await next('serving')
  let number = 0
  return {
    async saves({ file, task, workflow }, { count, pauseMs }) {
      const original = readFileSync(file, 'utf8')
      const saves: Save[] = []
      for (let save = 0; save < count; save++) {
        await sleep(pauseMs)
        const name = `${task}_${++number}`
        const text = original.replaceAll(new RegExp(`${task}(_\\d+)?`, 'g'), name)
        const began = performance.now()
        writeFileSync(file, text)
        const { ms, version } = await next('serving')
        const answer = await client.invokeJson(workflow, '{"limit":1}')
        const savedToAnswerMs = performance.now() - began
        if (answer.version !== version || !answer.json.startsWith(`{"${name}":`)) {
          throw new Error(`${answer.version} answered instead of ${version}: ${answer.json}`)
        }
        saves.push({ savedToAnswerMs, ms })
      }
      return saves
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await within('headgate dev to end', exited)
      process.off('exit', kill)
    },
  }
}
