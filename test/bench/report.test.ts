import t from 'tap'
import type { Machine } from '../../bench/lib/machine.ts'
import { toJsonLine, toText } from '../../bench/lib/report.ts'
import { formatTable } from '../../bench/lib/table.ts'
import type { Outcome } from '../../bench/scenarios/scenario.ts'

const QUIET: Machine = {
  node: 'v26.0.0',
  cores: 2,
  load: 0.1,
  quiet: true,
  description: '2 x test',
}

const OUTCOME: Outcome = {
  figures: { 'inFlight64.overPiscina': 4.123_456_789, 'inFlight64.missing': Number.NaN },
  tables: [
    {
      title: 'Speed',
      columns: ['', 'tasks/s'],
      rows: [
        ['raw', 81_234.5],
        ['x', 2],
      ],
    },
  ],
  goals: [
    { figure: 'inFlight64.overPiscina', atLeast: 4 },
    { figure: 'inFlight64.missing', atMost: 1 },
  ],
  notes: [],
}

t.test('the JSON form is one line of flat keys and plain numbers', (t) => {
  const line = toJsonLine('dispatch', QUIET, OUTCOME)
  t.notMatch(line, /\n/)
  t.same(JSON.parse(line), {
    scenario: 'dispatch',
    node: 'v26.0.0',
    load: 0.1,
    figures: { 'inFlight64.overPiscina': 4.12346 },
  })
  t.end()
})

t.test(
  'a quiet machine gets a verdict, and a figure that is missing does not meet its goal',
  (t) => {
    const text = toText('dispatch', QUIET, OUTCOME)
    t.match(text, /overPiscina +>= 4 +4\.12 +met/)
    t.match(text, /missing +<= 1 +- +MISSED/)
    t.end()
  },
)

t.test('a busy machine gets the figures and no verdict', (t) => {
  const text = toText('dispatch', { ...QUIET, load: 1.5, quiet: false }, OUTCOME)
  t.match(text, /no verdict: the load was 1\.5/)
  t.match(text, /overPiscina +>= 4 +4\.12\n/)
  t.notMatch(text, /met|MISSED/)
  t.end()
})

t.test('a table puts numbers under each other', (t) => {
  const [table] = OUTCOME.tables
  t.equal(
    table && formatTable(table),
    ['Speed', '       tasks/s', '  ---  -------', '  raw   81,235', '  x          2'].join('\n'),
  )
  t.end()
})
