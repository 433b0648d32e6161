import t from 'tap'
import {
  CONTRACT,
  definePackage,
  environment,
  isTerminalError,
  PACKAGE_MARK,
  type StandardSchema,
  TerminalError,
  workflow,
} from '../../src/sdk/index.ts'

const schema: StandardSchema<unknown, { url: string }> = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ value: { url: 'x' } }) },
}

function mustNotRun(): never {
  throw new Error('the builder ran the code of the author')
}

t.test(
  'a package definition carries the mark, the contract and what the author wrote',
  async (t) => {
    const flow = workflow('flow', { description: 'Flow', input: schema, versioning: 'pinned' })
      .task('first', { retry: { attempts: 3, delay: '1s' }, timeout: '2s', run: mustNotRun })
      .task('second', { after: ['first'], pure: true, run: mustNotRun })
    const definition = definePackage({ description: 'Two tasks', workflows: [flow] })
    t.equal(definition[PACKAGE_MARK], CONTRACT)
    t.equal(
      PACKAGE_MARK,
      Symbol.for('headgate.package'),
      'another copy of the SDK has the same mark',
    )
    t.equal(definition.description, 'Two tasks')
    t.strictSame(definition.secrets, [])
    t.notOk('config' in definition || 'setup' in definition, 'absent stays absent')
    t.equal(definition.workflows.length, 1)
    t.strictSame(flow.options, { description: 'Flow', versioning: 'pinned' })
    t.equal(flow.input, schema)
    t.strictSame(
      flow.tasks.map(({ name, options }) => ({ name, options })),
      [
        { name: 'first', options: { retry: { attempts: 3, delay: '1s' }, timeout: '2s' } },
        { name: 'second', options: { after: ['first'], pure: true } },
      ],
    )
    t.ok(flow.tasks.every((task) => task.run === mustNotRun))
  },
)

t.test('each task makes a new workflow and the old one keeps its tasks', async (t) => {
  const one = workflow('flow').task('first', { run: mustNotRun })
  const left = one.task('left', { run: mustNotRun })
  const right = one.task('right', { run: mustNotRun })
  const names = (tasks: readonly { readonly name: string }[]): string =>
    tasks.map((x) => x.name).join()
  t.equal(names(one.tasks), 'first')
  t.equal(names(left.tasks), 'first,left')
  t.equal(names(right.tasks), 'first,right')
  t.equal(one.input, undefined)
  for (const value of [one, one.tasks, one.options, one.tasks[0], one.tasks[0]?.options]) {
    t.ok(Object.isFrozen(value))
  }
})

t.test('an environment adds its parts to the definition and calls none of them', async (t) => {
  const { workflow: typed, definePackage: define } = environment({
    config: schema,
    secrets: ['DB_PASSWORD'],
    setup: mustNotRun,
    probe: mustNotRun,
    teardown: mustNotRun,
  })
  const definition = define({ workflows: [typed('flow').task('only', { run: mustNotRun })] })
  t.equal(definition[PACKAGE_MARK], CONTRACT)
  t.equal(definition.config, schema)
  t.strictSame(definition.secrets, ['DB_PASSWORD'])
  t.equal(definition.setup, mustNotRun)
  t.equal(definition.probe, mustNotRun)
  t.equal(definition.teardown, mustNotRun)
  t.notOk('description' in definition)
  t.ok(Object.isFrozen(definition) && Object.isFrozen(definition.workflows))
})

t.test('what the types refuse is recorded as written, for the executor to refuse', async (t) => {
  const raw: { run: () => null; timout: string } = { run: () => null, timout: '1s' }
  const flow = workflow('flow')
    .task('only', raw)
    .task('other', { run: () => 1 })
  t.strictSame(flow.tasks[0]?.options, { timout: '1s' })
})

t.test(
  'a TerminalError is known by its brand, also when another copy of the SDK made it',
  async (t) => {
    const error = new TerminalError('NO_FLIGHTS', 'no flights on Monday', { day: 'Monday' })
    t.ok(error instanceof Error)
    t.match(error, { name: 'TerminalError', code: 'NO_FLIGHTS', message: 'no flights on Monday' })
    t.strictSame(error.data, { day: 'Monday' })
    t.ok(isTerminalError(error))
    const foreign = Object.assign(new Error('x'), { [Symbol.for('headgate.terminal')]: true })
    t.ok(isTerminalError(foreign))
    for (const value of [new Error('x'), { code: 'X' }, null, undefined, 'TERMINAL', 1]) {
      t.notOk(isTerminalError(value))
    }
  },
)

t.test('definePackage says what it needs when it is given something else', (t) => {
  for (const given of [{}, { workflows: {} }, { workflows: [{}] }, { workflows: [null] }]) {
    t.throws(() => definePackage(given as never), {
      name: 'TypeError',
      message: /workflows must be a list of what workflow\(\) returns/,
    })
  }
  t.end()
})
