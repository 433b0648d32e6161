/**
 * What the compiler accepts and refuses of an author's code: `tsc` checks this file, and each
 * `@ts-expect-error` is an assertion. The run-time half asserts that nothing was executed.
 */

import t from 'tap'
import { z } from 'zod'
import {
  definePackage,
  environment,
  type JsonValue,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
  TerminalError,
  workflow,
} from '../../src/sdk/index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only when both types are the same. */
function same<A, B>(_: Same<A, B>): void {}

interface Leg {
  readonly carrier: string
  readonly via?: string
  readonly stops: Tree
  readonly kind: 'direct' | 'transfer'
}

interface Tree {
  readonly children: readonly Tree[]
  readonly weight?: number
}

type Nested = (Leg | Nested)[]

declare const legs: readonly Leg[]
declare const nested: Nested
declare const json: JsonValue
declare const when: Date | string

const byHand: StandardSchema<{ day?: string }, { day: string; limit: number }> = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ value: { day: '', limit: 1 } }) },
}

/** Never called: the compiler alone reads these. */
function accepted(): void {
  workflow('flow', { input: z.object({ day: z.string(), limit: z.number().default(500) }) })
    .task('extract', {
      retry: { attempts: 3, backoff: 'exponential', delay: '1s', maxDelay: '1.5m', jitter: true },
      timeout: '30s',
      pure: true,
      run: async (_, ctx) => {
        same<typeof ctx.input, { day: string; limit: number }>(true)
        same<typeof ctx.signal, AbortSignal>(true)
        ctx.progress(0.5, 'half way')
        ctx.log.info({ day: ctx.input.day }, 'reading')
        if (ctx.attempt > 3) throw new TerminalError('NO_FLIGHTS', 'none', { day: ctx.input.day })
        return { legs, regions: ['east'] }
      },
    })
    .task('union', {
      after: ['extract'],
      run: ({ extract }, ctx) => {
        same<typeof extract, { legs: readonly Leg[]; regions: string[] }>(true)
        return ctx.attempt > 1 ? { ok: true as const } : { ok: false as const, why: 'late' }
      },
    })
    .task('nested', { run: () => nested })
    .task('json', { run: () => json })
    .task('text', { run: () => 'text' })
    .task('nothing', { run: () => null })
    .task('fails', {
      run: (): never => {
        throw new Error('always')
      },
    })
    .task('parsed', { run: () => JSON.parse('{}') })
    .task('called', { run: (_, { invoke }) => invoke('public::other::flow', { day: 'today' }) })
    .task('optional', { run: (): { a?: number | undefined; b?: string } => ({ b: 'x' }) })
    .task('last', {
      after: ['union', 'nested', 'optional', 'called'],
      run: ({ union, nested: list, optional, called }) => {
        same<typeof list, Nested>(true)
        same<typeof called, unknown>(true)
        return { why: union.ok ? null : union.why, a: optional.a ?? 0, b: optional.b ?? '' }
      },
    })

  workflow('by_hand', { input: byHand }).task('only', {
    run: (_, { input }) => {
      same<typeof input, { day: string; limit: number }>(true)
      return input
    },
  })
  same<SchemaInput<typeof byHand>, { day?: string }>(true)
  same<SchemaOutput<typeof byHand>, { day: string; limit: number }>(true)

  workflow('without_input').task('only', {
    run: (_, { input }) => {
      same<typeof input, unknown>(true)
      return 1
    },
  })
}

function refusedGraphs(): void {
  const flow = workflow('flow').task('first', { run: () => ({ n: 1 }) })
  // @ts-expect-error: no task of that name comes before
  flow.task('second', { after: ['frist'], run: () => 1 })
  // @ts-expect-error: a task cannot come after itself
  flow.task('second', { after: ['second'], run: () => 1 })
  // @ts-expect-error: first is not named in after
  flow.task('second', { run: ({ first }) => first })
  const more = flow.task('other', { run: () => 2 })
  // @ts-expect-error: only other is named in after
  more.task('third', { after: ['other'], run: ({ first }) => first })
  // @ts-expect-error: the workflow already has a task first
  more.task('first', { run: () => 1 })
  // @ts-expect-error: n is a number
  more.task('third', { after: ['first'], run: ({ first }) => first.n.toUpperCase() })
  // @ts-expect-error: timeout is spelt otherwise
  flow.task('second', { timout: '1s', run: () => 1 })
  // @ts-expect-error: not a duration
  flow.task('second', { timeout: '1 second', run: () => 1 })
  // @ts-expect-error: no such backoff
  flow.task('second', { retry: { backoff: 'random' }, run: () => 1 })
  // @ts-expect-error: comes with durable runs
  flow.task('second', { when: 'always', run: () => 1 })
}

function refusedOutputs(): void {
  const flow = workflow('flow')
  // @ts-expect-error: date.rows[].at is a Date
  flow.task('date', { run: () => ({ rows: [{ at: new Date() }] }) })
  // @ts-expect-error: later.rows[].at is a Date
  flow.task('later', { run: async () => ({ rows: [{ at: new Date() }] }) })
  // @ts-expect-error: mixed.at may be a Date
  flow.task('mixed', { run: () => ({ at: when }) })
  // @ts-expect-error: map is a Map
  flow.task('map', { run: () => new Map([['a', 1]]) })
  // @ts-expect-error: set.seen is a Set
  flow.task('set', { run: () => ({ seen: new Set(['a']) }) })
  // @ts-expect-error: fn.again is a function
  flow.task('fn', { run: () => ({ again: accepted }) })
  // @ts-expect-error: bytes is a buffer
  flow.task('bytes', { run: () => new Uint8Array(3) })
  // @ts-expect-error: big.n is a bigint
  flow.task('big', { run: () => ({ n: 1n }) })
  // @ts-expect-error: symbol.kind is a symbol
  flow.task('symbol', { run: () => ({ kind: Symbol('kind') }) })
  // @ts-expect-error: unset.n may be undefined
  flow.task('unset', { run: () => ({ n: legs[0]?.carrier }) })
  // @ts-expect-error: nothing may be undefined
  flow.task('nothing', { run: () => {} })
  // @ts-expect-error: list[] may be undefined
  flow.task('list', { run: () => [1, undefined] })
  // @ts-expect-error: promise.inner is a Promise
  flow.task('promise', { run: () => ({ inner: Promise.resolve(1) }) })
}

interface Database {
  query(text: string): Promise<readonly string[]>
}

declare function open(url: string, password: string): Promise<Database>

function environments(): void {
  const typed = environment({
    config: z.object({ url: z.string() }),
    secrets: ['DB_PASSWORD'],
    setup: async (ctx) => ({ db: await open(ctx.config.url, ctx.secrets.DB_PASSWORD) }),
    probe: async (resources) => {
      same<typeof resources, { db: Database }>(true)
      await resources.db.query('select 1')
    },
  })
  const needsDb = typed.workflow('needs_db').task('read', {
    run: async (_, ctx) => {
      same<typeof ctx.config, { url: string }>(true)
      same<typeof ctx.secrets, Readonly<Record<'DB_PASSWORD', string>>>(true)
      // @ts-expect-error: not a secret of this package
      ctx.secrets.OTHER
      return { rows: await ctx.resources.db.query(ctx.config.url) }
    },
  })
  const needsNothing = workflow('needs_nothing').task('only', { run: () => 1 })

  typed.definePackage({ description: 'one', workflows: [needsDb, needsNothing] })
  environment({
    config: z.object({ url: z.string(), more: z.number() }),
    secrets: ['DB_PASSWORD', 'OTHER'],
    setup: async (ctx) => ({
      db: await open(ctx.config.url, ctx.secrets.OTHER),
      other: ctx.tenant,
    }),
  }).definePackage({ workflows: [needsDb, needsNothing] })
  definePackage({
    secrets: ['TOKEN'],
    setup: async (ctx) => ({ token: ctx.secrets.TOKEN }),
    teardown: (resources) => {
      same<typeof resources, { token: string }>(true)
    },
    workflows: [needsNothing],
  })
  // @ts-expect-error: this package gives no database, no configuration and no secret
  definePackage({ workflows: [needsDb] })
  const other = environment({ setup: () => ({ cache: 1 }) })
  // @ts-expect-error: written for another environment
  other.definePackage({ workflows: [needsNothing, needsDb] })
  // @ts-expect-error: the environment is given in one place
  typed.definePackage({ secrets: ['X'], workflows: [needsDb] })
  // @ts-expect-error: a workflow, not its name
  definePackage({ workflows: ['needs_db'] })
}

t.test('type assertions are for the compiler: none of the code above has run', async (t) => {
  t.type(accepted, 'function')
  t.type(refusedGraphs, 'function')
  t.type(refusedOutputs, 'function')
  t.type(environments, 'function')
})
