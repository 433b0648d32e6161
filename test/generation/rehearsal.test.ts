import t from 'tap'
import { rehearse } from '../../src/generation/thread/rehearsal.ts'

t.test('a rehearsal ends by itself, with every call of it answered', async (t) => {
  await t.resolves(rehearse())
  await t.resolves(rehearse(), 'and may be repeated')
})
