import t from 'tap'
import { warmUp } from '../../src/generation/thread/warm-up.ts'

t.test('a warm-up ends by itself, with every call of it answered', async (t) => {
  await t.resolves(warmUp())
  await t.resolves(warmUp(), 'and may be repeated')
})
