import t from 'tap'
import { z } from 'zod'
import { definePackage, workflow } from '../../src/sdk/index.ts'
import { testPackage } from '../../src/testing/index.ts'
import { failure } from '../helpers/failure.ts'

t.test('what is no JSON, or too much, ends the task', async (t) => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  const flow = workflow('flow', { input: z.unknown() }).task('a', {
    retry: { attempts: 3 },
    run: (_, { input }): unknown =>
      input === 'big' ? 'x'.repeat(2_000) : input === 'cycle' ? cycle : () => 1,
  })
  const definition = definePackage({ workflows: [flow] })
  await using kit = await testPackage(definition, { maxPayloadBytes: 1_024 })
  for (const [input, code] of [
    ['big', 'RESULT_TOO_LARGE'],
    ['cycle', 'NOT_SERIALISABLE'],
    ['function', 'NOT_SERIALISABLE'],
  ]) {
    const run = await kit.run(flow, input)
    t.equal(run.error?.code, code)
    t.equal(run.attempts.length, 1, 'no retry')
  }
  t.equal((await failure(kit.run(flow, 'x'.repeat(2_000)))).code, 'PAYLOAD_TOO_LARGE')
  t.equal((await failure(kit.run(flow, cycle))).code, 'INPUT_NOT_JSON')
})

t.test('the input passes its schema before a task begins', async (t) => {
  const seen: unknown[] = []
  const flow = workflow('flow', {
    input: z.object({ day: z.string(), limit: z.number().default(500) }),
  }).task('a', {
    retry: { attempts: 3 },
    run: (_, { input }) => {
      seen.push(input)
      return input.limit
    },
  })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const good = await kit.run(flow, { day: 'today' })
  t.same(good.outputs, { a: 500 })
  const bad = await kit.run(flow, { day: 7 })
  t.equal(bad.error?.code, 'INPUT_INVALID')
  t.match(bad.error?.message, /day: .*string/)
  t.equal(bad.attempts.length, 1)
  t.same(seen, [{ day: 'today', limit: 500 }])
})

t.test('a name that is not there is refused with the nearest one', async (t) => {
  const flow = workflow('flow').task('fetch', { run: () => 1 })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  t.match(await failure(kit.run('flwo')), { code: 'UNKNOWN_WORKFLOW', message: /flow/ })
  t.match(await failure(kit.task('flow', 'fech')), { code: 'UNKNOWN_TASK', message: /fetch/ })
  const twin = workflow('flow').task('fetch', { run: () => 2 })
  t.match(await failure(kit.run(twin)), { code: 'OPTION_INVALID', message: /another workflow/ })
})

t.test('what an executor would refuse is refused', async (t) => {
  const flow = workflow('flow').task('a', { run: () => 1 })
  const torn: unknown[] = []
  const setUpFails = definePackage({
    workflows: [flow],
    setup: () => {
      throw new Error('no database')
    },
  })
  const probeFails = definePackage({
    workflows: [flow],
    setup: () => 'pool',
    probe: () => Promise.reject(new Error('no answer')),
    teardown: (resources) => {
      torn.push(resources)
      throw new Error('nor this')
    },
  })
  const wants = definePackage({
    workflows: [flow],
    config: z.object({ url: z.string() }),
    secrets: ['TOKEN'],
  })
  const secrets = { TOKEN: 't' }
  const cyclic = workflow('flow').task('a', { run: () => 1 })
  const unknown = {
    ...cyclic,
    tasks: cyclic.tasks.map((task) => ({ ...task, options: { after: ['aa'] } })),
  }
  const refusals = await Promise.all([
    failure(testPackage(setUpFails)),
    failure(testPackage(probeFails)),
    failure(testPackage(wants)),
    failure(testPackage(wants, { secrets })),
    failure(testPackage(wants, { secrets, config: { url: 7 } })),
    failure(testPackage(definePackage({ workflows: [unknown] }))),
    failure(testPackage(definePackage({ workflows: [] }))),
    // @ts-expect-error: not what definePackage() returned
    failure(testPackage(flow)),
    // @ts-expect-error: no such option
    failure(testPackage(wants, { secret: secrets })),
    failure(testPackage(wants, { version: 'v1' })),
    failure(testPackage(wants, { tenant: 'A' })),
  ])
  t.same(
    refusals.map(({ code }) => code),
    [
      'SETUP_FAILED',
      'PROBE_FAILED',
      'CONFIG_MISSING',
      'CONFIG_MISSING',
      'CONFIG_MISSING',
      'GRAPH_INVALID',
      'DEFINITION_INVALID',
      'DEFINITION_INVALID',
      'OPTION_INVALID',
      'VERSION_INVALID',
      'NAME_INVALID',
    ],
  )
  t.match(refusals[0]?.message, /no database/)
  t.match(refusals[0]?.details['stack'], /test-package-refusals\.test/)
  t.match(refusals[2]?.message, /secret TOKEN/)
  t.match(refusals[4]?.message, /url/)
  t.match(refusals[8]?.message, /did you mean secrets/)
  t.same(torn, ['pool'], 'a probe that failed gives its resources back')
})
