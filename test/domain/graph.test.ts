import t from 'tap'
import { buildGraph } from '../../src/domain/graph.ts'

const task = (name: string, ...after: string[]): { name: string; after: string[] } => ({
  name,
  after,
})

t.test('names become indexes, dependents and sinks', (t) => {
  const graph = buildGraph('w', [
    task('d', 'b', 'c'),
    task('b', 'a'),
    task('c', 'a'),
    task('a'),
    task('x'),
  ])
  t.same(graph.after, [[1, 2], [3], [3], [], []])
  t.same(graph.dependents, [[], [0], [0], [1, 2], []])
  t.same(graph.sinks, [0, 4])
  t.end()
})

t.test('a graph that cannot run is refused with the reason', (t) => {
  const refused = (why: RegExp, ...tasks: ReturnType<typeof task>[]): void => {
    t.throws(() => buildGraph('w', tasks), { code: 'GRAPH_INVALID', message: why })
  }
  refused(/workflow w was refused: it has no task/)
  refused(/task a is declared twice/, task('a'), task('b'), task('a'))
  refused(/after "extrct".*did you mean extract\?/, task('extract'), task('load', 'extrct'))
  refused(/task a comes after itself/, task('a', 'a'))
  refused(/names a twice in after/, task('a'), task('b', 'a', 'a'))
  refused(/: a -> b -> a$/, task('a', 'b'), task('b', 'a'))
  refused(/: b -> d -> c -> b$/, task('a', 'b'), task('b', 'd'), task('c', 'b'), task('d', 'c'))
  refused(/after "__proto__"/, task('a', '__proto__'))
  t.end()
})

t.test('a chain of 20,000 tasks is checked without deep recursion', (t) => {
  const chain = Array.from({ length: 20_000 }, (_, i) =>
    i === 0 ? task('t0') : task(`t${i}`, `t${i - 1}`),
  )
  t.same(buildGraph('w', chain.reverse()).sinks, [0])
  t.end()
})
