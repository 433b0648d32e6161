import t from 'tap'
import type { Executor } from '../../src/index.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import {
  SAY,
  active,
  generationOf,
  makePlace,
  makeTasks,
  row,
  say,
  start,
  until,
  untilActive,
} from './helpers.ts'

refuseLeaks(t)

const NAMES = ['alpha', 'beta', 'gamma', 'delta']

t.test(
  'beyond maxThreads idle versions turn cold, and every one answers its first call',
  async (t) => {
    const place = makePlace(t)
    for (const name of NAMES) place.drop(makeTasks(name, '1.0.0', SAY))
    const executor = await start(t, place, { maxThreads: 2, spare: false })
    t.equal(NAMES.filter((name) => active(executor, name) === '1.0.0').length, NAMES.length)
    const threads = (): number[] =>
      NAMES.map((name) => row(executor, name).generations[0]?.threads ?? -1)
    t.same(threads().toSorted(), [0, 0, 1, 1])
    for (const name of NAMES) t.match(await say(executor, name), { version: '1.0.0' })
    await until(
      executor,
      'two are cold again',
      () => threads().filter((count) => count === 0).length === 2,
    )
    const answers = await Promise.all(NAMES.map((name) => say(executor, name)))
    t.equal(answers.length, NAMES.length, 'also when all are called at once')
  },
)

const threads = (executor: Executor): number | undefined =>
  generationOf(executor, 'alpha', '1.0.0')?.threads

t.test(
  'a version nobody calls turns cold after its time; a new one takes its traffic',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('alpha', '1.0.0', SAY))
    const executor = await start(t, place, { coldAfterMs: 40, spare: false })
    await until(executor, 'it is cold', () => threads(executor) === 0)
    t.match(await say(executor, 'alpha'), { version: '1.0.0' })
    await until(executor, 'it is cold again', () => threads(executor) === 0)
    place.drop(makeTasks('alpha', '1.1.0', SAY))
    await untilActive(executor, 'alpha', '1.1.0')
    t.match(await say(executor, 'alpha'), { version: '1.1.0' })
  },
)
