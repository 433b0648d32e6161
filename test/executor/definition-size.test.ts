import t from 'tap'
import { SAY, active, make, makePlace, makeTasks, row, start, until } from './helpers.ts'

t.test(
  'a definition over the limit is refused with its size; the one before serves on',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('p', '1.0.0', SAY))
    const executor = await start(t, place)
    const many = `
    let all = workflow('w')
    for (let i = 0; i < 900; i++) {
      all = all.task('t' + i, { after: [], ['x'.repeat(1500) + i]: true, run: () => i })
    }
    export default definePackage({ workflows: [all] })`
    place.drop(make('p', '1.1.0', many))
    const refused = await until(executor, 'the refusal', () => row(executor, 'p').refusals[0])
    t.match(refused, {
      kind: 'rejected',
      version: '1.1.0',
      error: {
        code: 'LOAD_FAILED',
        message: /its definition takes 1\d{6} characters of JSON, at most 1048576/,
      },
    })
    t.equal(active(executor, 'p'), '1.0.0')
  },
)
