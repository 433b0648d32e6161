import fc from 'fast-check'
import t from 'tap'
import { graphLines } from '../../src/cli/render-graph.ts'
import { parseDescriptor, type WorkflowDescriptor } from '../../src/domain/descriptor.ts'
import { holds } from '../helpers/property.ts'

function workflow(tasks: Readonly<Record<string, readonly string[]>>): WorkflowDescriptor {
  const raw = {
    contract: 1,
    secrets: [],
    hasConfig: false,
    hasSetup: false,
    hasProbe: false,
    hasTeardown: false,
    workflows: [
      {
        name: 'w',
        hasInput: false,
        options: {},
        tasks: Object.entries(tasks).map(([name, after]) => ({ name, options: { after } })),
      },
    ],
  }
  const [found] = parseDescriptor(raw, { package: 'p', version: '1.0.0' }).workflows
  if (found === undefined) throw new Error('no workflow')
  return found
}

t.test('a task hangs below what it waits for longest, and names the others', (t) => {
  const lines = graphLines(
    workflow({ a: [], z: [], b: ['a'], c: ['a'], d: ['b', 'a', 'c'], e: ['z', 'd'], f: ['b'] }),
  )
  t.same(lines, [
    'a',
    '├─ b',
    '│  └─ f',
    '└─ c',
    '   └─ d  (also after b, a)',
    '      └─ e  (also after z)',
    'z',
  ])
  t.end()
})

t.test('every task of any graph is drawn once', (t) => {
  const graph = fc
    .array(fc.array(fc.nat(19), { maxLength: 4 }), { minLength: 1, maxLength: 20 })
    .map((lists) =>
      Object.fromEntries(
        lists.map((list, index) => [
          `t${index}`,
          [...new Set(list.filter((other) => other < index))].map((other) => `t${other}`),
        ]),
      ),
    )
  holds(
    t,
    fc.property(graph, (tasks) => {
      const drawn = graphLines(workflow(tasks)).map((line) => /t\d+/.exec(line)?.[0])
      return drawn.length === Object.keys(tasks).length && new Set(drawn).size === drawn.length
    }),
  )
  t.end()
})
