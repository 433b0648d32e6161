import t, { type Test } from 'tap'
import { makePayloads } from '../../bench/lib/payloads.ts'
import { openFloor } from '../../bench/peers/floor.ts'
import { openPeer } from '../../bench/peers/open.ts'
import type { Peer, TaskKind } from '../../bench/peers/peer.ts'

const KINDS: readonly TaskKind[] = ['echo', 'short', 'spin', 'long']

async function answersItsInputs(t: Test, peer: Peer): Promise<void> {
  try {
    for (const kind of KINDS) {
      const input = { index: 3, ms: 0.01 }
      t.same(await peer.call(kind, input), input, kind)
    }
    const payloads = makePayloads(64, 5)
    const answers = await Promise.all(payloads.map((payload) => peer.call('echo', payload)))
    t.same(answers, payloads, 'each request gets its own answer')
  } finally {
    await peer.close()
  }
}

for (const name of ['piscina', 'raw', 'floor'] as const) {
  t.test(`${name} runs every task kind and answers each request with its own result`, async (t) => {
    await answersItsInputs(t, await openPeer(name, { threads: 2, workDir: t.testdir() }))
  })
}

t.test('the floor does the same with one batch under way', async (t) => {
  const options = { threads: 2, workDir: t.testdir(), oneBatchUnderway: true }
  await answersItsInputs(t, await openFloor(options))
})
