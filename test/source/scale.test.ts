import t from 'tap'
import { makePlace, packageFiles, packed, watchPlace } from './drops.ts'

const PACKAGES = 1000

t.test('a thousand packages of ten files are staged, and unchanged ones cost little', async (t) => {
  const place = makePlace(t)
  const more = Object.fromEntries(
    Array.from({ length: 7 }, (_, i) => [`src/file${i}.ts`, `export const n = ${i}\n`]),
  )
  for (let i = 0; i < PACKAGES; i++) {
    place.drop(`p${i}`, packed(packageFiles(`p${i}`, '1.0.0', more)))
  }
  const seen = watchPlace(t, place, { watch: 'poll', reconcileMs: 600_000 })
  const passes: number[] = []
  seen.source.events.on('watch', ({ lastReconcileMs }) => void passes.push(lastReconcileMs))
  await seen.source.start()
  t.equal(seen.lines.length, PACKAGES)
  for (let i = 0; i < 3; i++) await seen.source.reconcile()
  t.equal(seen.lines.length, PACKAGES)
  const [first, ...later] = passes.map((ms) => ms.toFixed(1))
  t.comment(`first pass ${first} ms, unchanged ${later.join(', ')} ms`)
})
