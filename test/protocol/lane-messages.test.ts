import t from 'tap'
import {
  DEFINITION_CHARS,
  LINE_CHARS,
  LINES_A_LOG,
  TEXT_CHARS,
} from '../../src/protocol/lane-limits.ts'
import { workerMessageSchema } from '../../src/protocol/lane-messages.ts'

const accepts = (message: unknown): boolean => workerMessageSchema.safeParse(message).success
const text = (length: number): string => 'x'.repeat(length)
const line = (more: object = {}): object => ({
  at: 1,
  level: 'info',
  task: null,
  message: 'm',
  ...more,
})
const log = (lines: readonly object[]): object => ({ type: 'log', lines, dropped: 0 })

t.test('a message is of a known form up to its limit and of none over it', (t) => {
  const cases: readonly (readonly [string, number, (length: number) => unknown])[] = [
    [
      'a definition',
      DEFINITION_CHARS,
      (n) => ({ type: 'imported', descriptor: text(n), schemas: null, ms: 1 }),
    ],
    ['a reason', TEXT_CHARS, (n) => ({ type: 'refused', phase: 'setup', message: text(n) })],
    [
      'a stack',
      TEXT_CHARS,
      (n) => ({ type: 'refused', phase: 'setup', message: '', stack: text(n) }),
    ],
    ['a line', LINE_CHARS, (n) => log([line({ message: text(n) })])],
    ['fields', LINE_CHARS, (n) => log([line({ fields: text(n) })])],
    ['a log', LINES_A_LOG, (n) => log(Array.from({ length: n }, () => line()))],
    ['a teardown', TEXT_CHARS, (n) => ({ type: 'tornDown', error: text(n) })],
  ]
  for (const [what, limit, make] of cases) {
    t.ok(accepts(make(limit)), what)
    t.notOk(accepts(make(limit + 1)), `${what} over the limit`)
  }
  t.end()
})

t.test('a definition is text: an object of any size is of no known form', (t) => {
  t.notOk(accepts({ type: 'imported', descriptor: { contract: 1 }, ms: 1 }))
  t.end()
})
