import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { OfferedSlot } from '../../src/source/offered-slot.ts'
import { STRIPPED_FILE } from '../../src/protocol/stripped-types.ts'
import { until } from '../helpers/until.ts'
import { makePlace, packageFiles, packed, watchPlace } from './drops.ts'

const ONE = { digest: '1'.repeat(64), entryFile: 'index.js' }
const OTHER = { digest: '2'.repeat(64), entryFile: 'index.js' }

t.test('a slot holds what was put there, once all of it lies there', async (t) => {
  const offered = new OfferedSlot()
  offered.offer('/slot')
  offered.filling('/slot', ONE)
  let held: string | undefined
  const used = offered.use('/slot', ONE).then((found) => {
    held = found
  })
  await Promise.resolve()
  t.equal(held, undefined)
  offered.filled('/slot', true)
  await used
  t.equal(held, 'it')
  t.equal(await offered.use('/slot', ONE), 'nothing', 'it was used')
})

t.test('F1: it may hold something else unless it is the version asked for, whole', async (t) => {
  const use = async (...steps: ((offered: OfferedSlot) => void)[]): Promise<string> => {
    const offered = new OfferedSlot()
    offered.offer('/slot')
    for (const step of steps) step(offered)
    return offered.use('/slot', ONE)
  }
  t.equal(await use(), 'else', 'nobody has said yet that something is put there')
  t.equal(await use((offered) => offered.filling('/slot', OTHER)), 'else')
  const entry = { ...ONE, entryFile: 'other.js' }
  t.equal(await use((offered) => offered.filling('/slot', entry)), 'else')
  const begun = (offered: OfferedSlot): void => offered.filling('/slot', ONE)
  t.equal(await use(begun, (offered) => offered.filled('/slot', false)), 'else')
  t.equal(await use(begun, (offered) => offered.lost()), 'else')
})

t.test('only the slot offered last counts', async (t) => {
  const offered = new OfferedSlot()
  t.equal(await offered.use('/first', ONE), 'nothing')
  offered.offer('/first')
  offered.offer('/second')
  offered.filling('/first', ONE)
  offered.filled('/first', true)
  t.equal(await offered.use('/first', ONE), 'nothing')
  t.equal(await offered.use('/second', ONE), 'else')
})

/** A source with an empty slot that was offered to it. */
async function offering(t: Parameters<typeof makePlace>[0] & Parameters<typeof watchPlace>[0]) {
  const place = makePlace(t)
  const seen = watchPlace(t, place)
  await seen.source.start()
  const slot = join(place.root, 'slot')
  mkdirSync(slot)
  seen.source.offer(slot)
  const holds = (): string[] =>
    existsSync(slot) ? readdirSync(slot, { recursive: true }).map(String).sort() : []
  return { ...seen, place, slot, holds }
}

const LINKED = ['package.json', 'src', 'src/index.ts']

t.test('the next version lies in the offered slot before anyone asks', async (t) => {
  const { place, source, staged, slot, holds } = await offering(t)
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  const drop = await staged()
  // Written last.
  await until(() => holds().includes(STRIPPED_FILE), 'the slot to be filled')
  const before = holds()
  await source.link(drop.digest, slot, drop.entryFile)
  t.same(holds(), before)
  t.same(
    before.filter((path) => !path.startsWith('.')),
    LINKED,
  )
})

t.test('F1: of a version that was put there for nothing, nothing is left', async (t) => {
  const { place, source, staged, slot, holds } = await offering(t)
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0', { 'secret.txt': 'of alpha' })))
  await staged()
  await until(() => holds().includes('secret.txt'), 'the slot to be filled')
  place.drop('beta', packed(packageFiles('beta', '1.0.0', { 'b.txt': 'b' })))
  const beta = await staged((drop) => drop.package === 'beta')
  await source.link(beta.digest, slot, beta.entryFile)
  t.same(
    holds().filter((path) => !path.startsWith('.')),
    ['b.txt', ...LINKED],
  )
})

t.test('a version that needs a thread of its own is not put there', async (t) => {
  const { place, source, staged, slot, holds } = await offering(t)
  const json = { name: 'alpha', version: '1.0.0', type: 'module', headgate: { threads: 2 } }
  const files = packageFiles('alpha', '1.0.0', { 'package.json': JSON.stringify(json) })
  place.drop('alpha', packed(files))
  const alpha = await staged()
  await source.reconcile()
  t.same(holds(), [])
  await source.link(alpha.digest, slot, alpha.entryFile)
  t.same(
    holds().filter((path) => !path.startsWith('.')),
    LINKED,
  )
})

t.test('a slot that has gone with its thread is not made anew', async (t) => {
  const { place, source, staged, slot } = await offering(t)
  rmSync(slot, { recursive: true })
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  await staged()
  await source.reconcile()
  t.notOk(existsSync(slot))
})
