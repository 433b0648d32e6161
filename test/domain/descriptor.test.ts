import t from 'tap'
import { parseDescriptor, type RawDescriptor } from '../../src/domain/descriptor.ts'
import { NO_RETRY } from '../../src/domain/retry.ts'

const ID = { package: 'analytics', version: '1.2.0' }

type RawTask = RawDescriptor['workflows'][number]['tasks'][number]

function raw(change: object = {}, tasks: unknown[] = [{ name: 'extract', options: {} }]): unknown {
  return {
    contract: 1,
    secrets: ['DB_PASSWORD'],
    hasConfig: true,
    hasSetup: false,
    hasProbe: false,
    hasTeardown: false,
    workflows: [{ name: 'hourly', hasInput: true, options: {}, tasks }],
    ...change,
  }
}

const withTask = (options: object): unknown => raw({}, [{ name: 'extract', options }])

const withWorkflow = (options: object): unknown =>
  raw({
    workflows: [
      { name: 'hourly', hasInput: false, options, tasks: [{ name: 'extract', options: {} }] },
    ],
  })

t.test('a definition is resolved once, defaults and indexes included', (t) => {
  const tasks: RawTask[] = [
    { name: 'extract', options: { retry: { attempts: 4 }, timeout: '30s' } },
    { name: 'report', options: { after: ['extract', 'check'], when: 'succeeded' } },
    { name: 'check', options: { after: ['extract'], pure: true } },
  ]
  const descriptor = parseDescriptor(raw({ description: 'Flights' }, tasks), ID)
  t.match(descriptor, {
    contract: 1,
    description: 'Flights',
    secrets: ['DB_PASSWORD'],
    hasConfig: true,
    hasSetup: false,
  })
  const [workflow] = descriptor.workflows
  t.match(workflow, { name: 'hourly', description: null, hasInput: true, sinks: [1] })
  t.same(workflow?.tasks, [
    {
      name: 'extract',
      index: 0,
      after: [],
      dependents: [1, 2],
      retry: { ...NO_RETRY, attempts: 4 },
      timeoutMs: 30_000,
    },
    { name: 'report', index: 1, after: [0, 2], dependents: [], retry: NO_RETRY, timeoutMs: 60_000 },
    { name: 'check', index: 2, after: [0], dependents: [1], retry: NO_RETRY, timeoutMs: 60_000 },
  ])
  t.ok(Object.isFrozen(workflow?.tasks[0]))
  t.end()
})

t.test('another contract is refused before anything else is looked at', (t) => {
  t.throws(() => parseDescriptor({ contract: 2, shape: 'new' }, ID), {
    code: 'CONTRACT_UNSUPPORTED',
    message: /analytics@1.2.0 was written for contract 2; this executor speaks 1/,
  })
  t.throws(() => parseDescriptor(undefined, ID), { code: 'DEFINITION_INVALID' })
  t.throws(() => parseDescriptor({}, ID), {
    code: 'DEFINITION_INVALID',
    message: /does not export a package definition/,
  })
  t.end()
})

t.test('what is wrong in a definition is named with its path', (t) => {
  const refused = (definition: unknown, why: RegExp): void => {
    t.throws(() => parseDescriptor(definition, ID), { code: 'DEFINITION_INVALID', message: why })
  }
  refused(
    withTask({ timout: '5s' }),
    /workflows\[hourly\]\.tasks\[extract\]: unknown key "timout"; did you mean timeout\?/,
  )
  refused(
    withTask({ retry: { delai: 1 } }),
    /tasks\[extract\]\.retry: unknown key "delai"; did you mean delay\?/,
  )
  refused(
    withTask({ retry: { delay: 'soon' } }),
    /tasks\[extract\]\.retry\.delay: "soon" is not a duration/,
  )
  refused(withTask({ retry: { delay: 9, maxDelay: 1 } }), /\.retry\.maxDelay: maxDelay \(1 ms\)/)
  refused(withTask({ timeout: 0 }), /timeout: a timeout must be over 0/)
  refused(withTask({ after: 'extract' }), /tasks\[extract\]\.after/)
  refused(
    withWorkflow({ concurency: 3 }),
    /workflows\[hourly\]: unknown key "concurency"; did you mean concurrency\?/,
  )
  refused(withWorkflow({ versioning: 'floating' }), /workflows\[hourly\]\.versioning/)
  refused(raw({ workflows: [] }), /workflows: a package needs at least one workflow/)
  refused(raw({ secrets: ['__proto__'] }), /secrets\[0\]: the name of a secret/)
  refused(raw({ setup: true }), /unknown key "setup"/)
  refused(raw({ hasConfig: 'yes' }), /hasConfig/)
  const twice = { name: 'w', hasInput: false, options: {}, tasks: [{ name: 'a', options: {} }] }
  refused(raw({ workflows: [twice, twice] }), /workflow w is declared twice/)
  t.end()
})

t.test('names and graphs have their own codes', (t) => {
  t.throws(() => parseDescriptor(raw({}, [{ name: 'Extract', options: {} }]), ID), {
    code: 'NAME_INVALID',
  })
  t.throws(() => parseDescriptor(raw({}, []), ID), { code: 'GRAPH_INVALID' })
  t.throws(() => parseDescriptor(withTask({ after: ['nothing'] }), ID), { code: 'GRAPH_INVALID' })
  t.end()
})

t.test('options of a later release are refused, their present meaning is accepted', (t) => {
  const later = [
    withTask({ each: { over: 'a.b' } }),
    withTask({ when: 'always' }),
    withTask({ when: { failed: 'a' } }),
    withTask({ binary: true }),
    withWorkflow({ versioning: 'latest' }),
    withWorkflow({ concurrency: 10 }),
    withWorkflow({ priority: 0 }),
    withWorkflow({ schedules: [] }),
  ]
  for (const definition of later) {
    t.throws(() => parseDescriptor(definition, ID), {
      code: 'NOT_YET',
      message: /of workflow hourly is not available in this release/,
    })
  }
  t.doesNotThrow(() => parseDescriptor(withTask({ when: 'succeeded', pure: false }), ID))
  t.doesNotThrow(() => parseDescriptor(withWorkflow({ versioning: 'pinned' }), ID))
  t.end()
})
