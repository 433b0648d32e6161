/** A thread in a system call that does not return: it cannot be ended (hazard 7). */

import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { until } from '../helpers/until.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
// Under permissions no package can reach a FIFO.
const ground = await openGround(t, { permissions: 'off', keepWarmMs: 0 })
const { executor, workspace } = ground

t.test('a thread that cannot be ended is abandoned, counted and replaced', async (t) => {
  const fifo = workspace.path('fifo')
  execFileSync('mkfifo', [fifo])
  // Lets the thread go, so that this process can end.
  t.teardown(() => closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)))
  const name = await ground.drop({
    tasks: {
      bad: {
        run: `const { openSync } = await import('node:fs'); openSync(ctx.input)`,
        options: { timeout: 120 },
      },
      good: 'return "good"',
    },
  })
  t.equal((await ground.fails(name, 'bad', fifo)).code, 'TASK_TIMEOUT')
  t.equal(await ground.call(name, 'good'), 'good', 'its replacement serves')
  t.match(ground.generation(name), { threads: 1 })
  t.equal(executor.status().abandonedThreads, 0, 'not yet given up')
  const began = performance.now()
  await executor.close()
  t.ok(performance.now() - began < 8_000, 'close() does not wait for it')
  await until(() => executor.status().abandonedThreads === 1, 'it is counted')
})
