/** Calls that outlive the patience of a swap. */

import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const ground = await openGround(t)
const { executor, workspace } = ground

/** A task that runs until its signal aborts, and then does `then`. */
function running(then: string): string {
  return `globalThis.begun = true
    await new Promise((resolve, reject) =>
      ctx.signal.addEventListener('abort', () => { ${then} }))
    return "finished"`
}

async function swapUnder(name: string, run: string): Promise<{ call: Promise<unknown> }> {
  const part = { name, headgate: { drainTimeout: '150ms' } }
  const begun = 'return globalThis.begun ?? false'
  workspace.writePackage({ ...part, version: '1.0.0', tasks: { run, begun } })
  await executor.reconcile()
  const call = ground.call(name, 'run').catch((error: unknown) => error)
  while ((await ground.call(name, 'begun')) !== true);
  workspace.writePackage({ ...part, version: '2.0.0', tasks: { run: 'return "new"' } })
  await executor.reconcile()
  return { call }
}

async function receiptOf(name: string): Promise<unknown> {
  const [first] = await executor.receipts({ tenant: 'public', package: name, limit: 1 })
  return first
}

async function retired(name: string): Promise<void> {
  const done = (): boolean => executor.package('public', name)?.generations.length === 1
  while (!done()) await executor.events.once('control')
}

t.test('a call that ends by its signal is told that its generation was ended', async (t) => {
  const { call } = await swapUnder('honest', running('reject(ctx.signal.reason)'))
  t.equal(await ground.call('honest', 'run'), 'new', 'the new version serves meanwhile')
  t.match(await call, {
    code: 'GENERATION_TERMINATED',
    retryable: true,
    details: { task: 'run', drainTimeoutMs: 150 },
  })
  await retired('honest')
  const receipt = { inFlightAtSwap: 1, drained: 0, killed: 1, lost: 0 }
  t.match(await receiptOf('honest'), receipt)
})

t.test('a call that finishes within the grace keeps its answer', async (t) => {
  const { call } = await swapUnder('late', running('resolve()'))
  t.equal(await call, 'finished')
  await retired('late')
  const receipt = { inFlightAtSwap: 1, drained: 1, killed: 0, lost: 0 }
  t.match(await receiptOf('late'), receipt)
})

t.test('a thread that ends in the grace takes its calls along, and none follows it', async (t) => {
  const { call } = await swapUnder('dying', running('process.exit(1)'))
  t.match(await call, { code: 'GENERATION_TERMINATED', details: { task: 'run' } })
  await retired('dying')
  const receipt = { inFlightAtSwap: 1, drained: 0, killed: 1, lost: 0 }
  t.match(await receiptOf('dying'), receipt)
})

t.test('a call that ignores its signal is ended with its thread', async (t) => {
  const { call } = await swapUnder(
    'stubborn',
    'globalThis.begun = true; await new Promise(() => {})',
  )
  t.match(await call, { code: 'GENERATION_TERMINATED', details: { task: 'run' } })
  await retired('stubborn')
  const receipt = { inFlightAtSwap: 1, drained: 0, killed: 1, lost: 0 }
  t.match(await receiptOf('stubborn'), receipt)
})

t.test('a workflow between two tasks ends with its generation', async (t) => {
  const part = { name: 'steps', headgate: { drainTimeout: '150ms' } }
  const tasks = {
    first: `globalThis.begun = true
      return new Promise((resolve) => setTimeout(resolve, 400, "first"))`,
    second: { run: 'globalThis.second = true; return "second"', options: { after: ['first'] } },
    begun: 'return globalThis.begun ?? false',
  }
  workspace.writePackage({ ...part, version: '1.0.0', tasks })
  await executor.reconcile()
  const call = executor.invoke('public::steps::w').catch((error: unknown) => error)
  while ((await ground.call('steps', 'begun')) !== true);
  workspace.writePackage({ ...part, version: '2.0.0', tasks })
  await executor.reconcile()
  t.match(await call, { code: 'GENERATION_TERMINATED' })
  await retired('steps')
  const receipt = { inFlightAtSwap: 1, drained: 0, killed: 1, lost: 0 }
  t.match(await receiptOf('steps'), receipt)
})
