/** What a caller gets of the kit is what it gets of an executor: the same package in both. */

import t from 'tap'
import type { ErrorRecord } from '../../src/base/errors.ts'
import { toHeadgateError } from '../../src/base/errors.ts'
import { importDefinition, installSdkHook } from '../../src/generation/thread/loader.ts'
import { testPackage } from '../../src/testing/index.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import type { PackageText } from '../helpers/package-files.ts'
import { openWorkspace, startExecutor } from '../helpers/workspace.ts'

refuseLeaks(t)
installSdkHook(import.meta.resolve('../../src/sdk/index.ts'))

/** One task after the other in one workflow; each behaves as its input says. */
const text: PackageText = {
  name: 'p',
  version: '1.4.0',
  tasks: {
    first: {
      options: { retry: { attempts: 3, delay: '5ms' } },
      run: `
        const { how } = ctx.input ?? {}
        switch (how) {
          case 'throw': throw Object.assign(new RangeError('too far'), { code: 'FAR', data: { by: 3 } })
          case 'terminal': throw new TerminalError('DONE', 'for good', [1])
          case 'null': throw null
          case 'trap': throw new Proxy({}, { get() { throw new Error('trap') } })
          case 'cycle': { const list = []; list.push(list); return list }
          case 'bigint': return 1n
          case 'function': return () => 1
          case 'nothing': return
          case 'date': return { at: new Date(0), gone: undefined, nan: NaN }
          case 'big': return 'x'.repeat(5000)
          case 'third': if (ctx.attempt < 3) throw new Error('again'); return ctx.attempt
          case 'hang': return new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
          case 'who': { const { tenant, version, attempt, config, secrets } = ctx; return { tenant, package: ctx.package, version, attempt, config, secrets } }
          case 'self': return ctx.invoke('public::p::w', { how: 'date' }, { version: '^1.0.0' })
          case 'task': return ctx.invoke('public::p::w::second', { deps: { first: 3 } })
          case 'lost': { const { invoke } = ctx; return invoke('public::p::gone').catch(({ code, message }) => ({ code, message })) }
          case 'pin': return ctx.invoke('public::p::w', 1, { version: '^2.0.0' }).catch(({ code, name }) => ({ code, name }))
          case 'tenant': return ctx.invoke('acme::p::w', 1).catch(({ code, message }) => ({ code, message }))
          case 'fails': return ctx.invoke('public::p::w', { how: 'terminal' })
          case 'record': return ctx.invoke('public::p::w::first', { input: { how: 'terminal' } })
            .catch(({ name, code, message, retryable, status, details: { stack, ...details } }) => ({ name, code, message, retryable, status, details }))
          case 'deep': return ctx.invoke('public::p::w::first', { input: { how, at: (ctx.input.at ?? 0) + 1 } })
            .catch(({ code, message, details }) => ({ at: ctx.input.at, code, message, details }))
          case 'bare': return Promise.all([undefined, null, () => 1].map((input) => ctx.invoke('public::p::w::beside', input)))
          case 'input': return ctx.invoke('public::p::w::beside', { input: 1n }).catch(({ code, message }) => ({ code, message }))
          default: return { how: how ?? null }
        }`,
    },
    second: { options: { after: ['first'] }, run: 'return { second: deps.first }' },
    beside: { run: 'return ctx.input === undefined ? "none" : typeof ctx.input' },
  },
}

interface Answer {
  readonly output?: unknown
  readonly error?: Omit<ErrorRecord, 'details'> & { readonly details?: object }
}

/** Stacks name the files of the copy that ran. */
async function answerOf(call: () => Promise<unknown>): Promise<Answer> {
  try {
    return { output: await call() }
  } catch (thrown) {
    const { details, ...record } = toHeadgateError(thrown).toRecord()
    const { stack: _stack, ...rest } = { stack: '', ...details }
    return { error: { ...record, details: rest } }
  }
}

const WORKFLOWS: readonly unknown[] = [
  undefined,
  null,
  7,
  ...[
    ...['throw', 'terminal', 'null', 'trap', 'cycle', 'bigint', 'function', 'nothing', 'date'],
    ...['big', 'third', 'who', 'self', 'task', 'lost', 'pin', 'tenant', 'fails', 'plain'],
    ...['record', 'deep', 'bare', 'input'],
  ].map((how) => ({ how })),
]

const TASKS: readonly (readonly [string, unknown])[] = [
  ['first', undefined],
  ['first', { input: { how: 'third' } }],
  ['first', { input: { how: 'terminal' } }],
  ['second', { deps: { first: [1] } }],
  ['second', { deps: {} }],
  ['second', undefined],
  ['second', { dep: 1 }],
  ['secnd', {}],
]

t.test('the kit answers and refuses as an executor does', async (t) => {
  const workspace = openWorkspace(t)
  workspace.writePackage(text)
  const config = { a: [1] }
  const secrets = { KEY: 'value' }
  const executor = await startExecutor(t, workspace, {
    maxPayloadBytes: 2_000,
    tenants: { public: { packages: { p: { config, secrets } } } },
  })
  const definition = await importDefinition(workspace.path('packages', 'p-1.4.0', 'index.js'))
  await using kit = await testPackage(definition, {
    package: 'p',
    version: '1.4.0',
    maxPayloadBytes: 2_000,
    config,
    secrets,
  })
  for (const input of [...WORKFLOWS, 'x'.repeat(2_001)]) {
    const [there, here] = await Promise.all([
      answerOf(() => executor.invoke('public::p::w', input)),
      answerOf(async () => {
        const { output, error } = await kit.run('w', input)
        if (error !== null) throw error
        return output
      }),
    ])
    t.same(here, there, `workflow, input ${JSON.stringify(input)?.slice(0, 40)}`)
  }
  for (const [task, body] of TASKS) {
    const [there, here] = await Promise.all([
      answerOf(() => executor.invoke(`public::p::w::${task}`, body)),
      answerOf(async () => (await kit.task('w', task, body as object)).unwrap()),
    ])
    t.same(here, there, `task ${task}, body ${JSON.stringify(body)}`)
  }
  const [there, here] = await Promise.all([
    answerOf(() => executor.invoke('public::p::gone')),
    answerOf(() => kit.run('gone')),
  ])
  t.same(here, there, 'a workflow that is not there')
})
