import t from 'tap'
import {
  checkHistory,
  type HistoryAnswer,
  HistoryChecker,
  type HistoryRequest,
} from '../../src/domain/history.ts'

const OF = { tenant: 'public', package: 'analytics' }

const answer = (
  generation: number,
  epoch: number,
  version = `${generation}.0.0`,
): HistoryAnswer => ({
  generation,
  version,
  epoch,
  outcome: 'succeeded',
})

const request = (id: number, ...answers: HistoryAnswer[]): HistoryRequest => ({
  id,
  ...OF,
  acceptedAt: 1000 + id,
  answers,
})

const before = [{ epoch: 1, ...OF, generation: 1, version: '1.0.0' }]
const swaps = [{ epoch: 5, ...OF, generation: 2, version: '2.0.0' }]

t.test('a sound history is sound, also where answers cross the swap', (t) => {
  const failed: HistoryAnswer = { ...answer(2, 9), outcome: 'failed' }
  const requests = [
    request(0, answer(1, 1)),
    request(1, answer(1, 4)),
    request(2, answer(2, 5)),
    request(3, failed),
  ]
  t.same(checkHistory({ requests, swaps, before }), {
    accepted: 4,
    succeeded: 3,
    failed: 1,
    lost: 0,
    doubled: 0,
    wrongGeneration: 0,
    unexpected: 0,
    problems: [],
  })
  t.end()
})

t.test('planted faults are all found and named', (t) => {
  const requests = [
    request(0),
    request(1, answer(1, 2), answer(1, 2)),
    request(2, answer(1, 5)),
    request(3, answer(2, 4)),
    request(4, answer(2, 6, '1.9.0')),
    { ...request(5, answer(1, 7)), pinned: true },
    { ...request(6, answer(1, 1)), tenant: 'acme' },
  ]
  const verdict = checkHistory({ requests, swaps, before })
  t.match(verdict, {
    accepted: 7,
    succeeded: 6,
    failed: 0,
    lost: 1,
    doubled: 1,
    wrongGeneration: 4,
  })
  const text = verdict.problems.join('\n')
  t.match(text, 'public::analytics: request 0 was never answered')
  t.match(text, 'request 1 was answered again, by g1 at epoch 2')
  t.match(text, 'request 2, bound at epoch 5, ran on g1; active was g2')
  t.match(text, 'request 3, bound at epoch 4, ran on g2; active was g1')
  t.match(text, 'request 4 ran on 1.9.0 as g2, which is 2.0.0')
  t.match(text, 'acme::analytics: request 6, bound at epoch 1, ran on g1; active was none')
  t.end()
})

t.test('an unrouted package answers nothing', (t) => {
  const gone = { epoch: 6, ...OF, generation: null, version: null }
  const verdict = checkHistory({
    requests: [request(0, answer(2, 7))],
    swaps: [...swaps, gone],
    before,
  })
  t.equal(verdict.wrongGeneration, 1)
  t.end()
})

t.test('the incremental checker judges by routes it hears of late', (t) => {
  const checker = new HistoryChecker()
  checker.accepted(0)
  checker.answered(0, 2, 5, true)
  t.equal(checker.finish().wrongGeneration, 1)
  checker.routed(5, 2)
  checker.routed(1, 1)
  t.equal(checker.finish().wrongGeneration, 0)
  checker.routed(5, 3)
  t.match(checker.finish(), {
    unexpected: 1,
    problems: [/epoch 5 was routed twice, to g2 and to g3/],
  })
  t.end()
})

t.test('what ended before it was bound is an answer of no generation', (t) => {
  const checker = new HistoryChecker()
  checker.routed(0, 1)
  checker.accepted(0)
  checker.answered(0, null, 0, false)
  t.match(checker.finish(), { accepted: 1, failed: 1, lost: 0, wrongGeneration: 0, problems: [] })
  checker.answered(0, null, 0, false)
  t.match(checker.finish(), { doubled: 1, problems: [/answered again, by none/] })
  t.end()
})

t.test('strange ids are told apart from sound ones', (t) => {
  const checker = new HistoryChecker()
  checker.routed(0, 1)
  checker.accepted(7)
  checker.accepted(7)
  checker.answered(8, 1, 0, true)
  t.match(checker.finish(), { accepted: 1, lost: 1, unexpected: 2 })
  for (const id of [-1, 1.5, NaN, 2 ** 53]) t.throws(() => checker.accepted(id), RangeError)
  t.end()
})

t.test('200,000 requests: one loss, one late double and one stray are found', (t) => {
  const checker = new HistoryChecker()
  checker.routed(0, 1)
  for (let id = 0; id < 200_000; id++) {
    if (id % 50_000 === 0 && id > 0) checker.routed(id / 50_000, 1 + id / 50_000)
    const epoch = Math.floor(id / 50_000)
    checker.accepted(id)
    if (id === 77_777) continue
    checker.answered(id, id === 120_000 ? 9 : 1 + epoch, epoch, true)
  }
  checker.answered(3, 1, 0, true)
  const verdict = checker.finish()
  t.match(verdict, {
    accepted: 200_000,
    succeeded: 199_999,
    lost: 1,
    doubled: 1,
    wrongGeneration: 1,
  })
  t.same(verdict.problems, [
    'request 3 was answered again, by g1 at epoch 0',
    'request 77777 was never answered',
    'request 120000, bound at epoch 2, ran on g9; active was g3',
  ])
  t.end()
})

t.test('no more than 10 problems are told, all are counted', (t) => {
  const checker = new HistoryChecker()
  for (let id = 0; id < 50; id++) checker.accepted(id)
  const verdict = checker.finish()
  t.equal(verdict.problems.length, 10)
  t.equal(verdict.lost, 50)
  t.end()
})
