/**
 * What the compiler knows of a kit's records: `tsc` checks this file, and each `@ts-expect-error` is
 * an assertion.
 */

import t from 'tap'
import { z } from 'zod'
import { definePackage, environment, workflow } from '../../src/sdk/index.ts'
import { type HeadgateError, testPackage } from '../../src/testing/index.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only when both types are the same. */
function same<A, B>(_: Same<A, B>): void {}

const flow = workflow('flow', { input: z.object({ day: z.string() }) })
  .task('fetch', { run: () => ({ rows: [1, 2], next: null as string | null }) })
  .task('sum', { after: ['fetch'], run: ({ fetch }) => fetch.rows.length })

const { workflow: begin, definePackage: define } = environment({ setup: () => ({ open: true }) })
const wanting = begin('wanting').task('a', { run: (_, { resources }) => resources.open })

t.test('records are typed by the workflow they are of', async (t) => {
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const run = await kit.run(flow, { day: 'today' })
  same<typeof run.error, HeadgateError | null>(true)
  const outputs = run.unwrap()
  same<typeof outputs.sum, number>(true)
  same<typeof outputs.fetch, { rows: number[]; next: string | null }>(true)
  same<typeof run.outputs.sum, number | undefined>(true)
  // @ts-expect-error: the workflow has no such task
  t.equal(outputs.gone, undefined)
  // @ts-expect-error: a run that did not succeed has no outputs
  t.equal(run.outputs.fetch.rows.length, 2)

  const call = await kit.task(flow, 'fetch', { input: { day: 'today' } })
  same<ReturnType<typeof call.unwrap>, { rows: number[]; next: string | null }>(true)
  // @ts-expect-error: the workflow has no such task
  await t.rejects(kit.task(flow, 'fecth'), { code: 'UNKNOWN_TASK' })
})

t.test('by name a record is unknown, or what the caller says', async (t) => {
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const unknown = (await kit.run('flow', { day: 'today' })).unwrap()
  same<typeof unknown, Readonly<Record<string, unknown>>>(true)
  const said = (await kit.run<{ sum: number }>('flow', { day: 'today' })).unwrap()
  same<typeof said, { sum: number }>(true)
  const call = (
    await kit.task('flow', 'sum', { input: { day: '' }, deps: { fetch: { rows: [] } } })
  ).output
  same<typeof call, unknown>(true)
  t.same([unknown['sum'], said.sum, call], [2, 2, 0])
})

t.test('a workflow that asks for resources is typed as well', async (t) => {
  await using kit = await testPackage(define({ workflows: [wanting] }))
  const { a } = (await kit.run(wanting)).unwrap()
  same<typeof a, boolean>(true)
  t.equal(a, true)
})
