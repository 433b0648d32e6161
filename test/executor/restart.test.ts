/** What a restart finds when the folder of the version that served was changed meanwhile. */

import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import {
  SAY,
  active,
  makePlace,
  makeTasks,
  row,
  say,
  start,
  until,
  untilActive,
} from './helpers.ts'

/** By package: what is done to the folder of the version that serves. */
const CHANGES: Readonly<Record<string, (folder: string) => void>> = {
  edited: (folder) => appendFileSync(join(folder, 'index.js'), '// saved by an editor'),
  shortened: (folder) => rmSync(join(folder, 'notes.txt')),
  broken: (folder) => writeFileSync(join(folder, 'package.json'), '{'),
  repacked: (folder) => writeFileSync(join(folder, 'index.js'), 'export default 1'),
}

t.test('what was active is active again, whatever was done to its files', async (t) => {
  const place = makePlace(t)
  for (const name of Object.keys(CHANGES)) {
    for (const version of ['1.0.0', '2.0.0']) {
      const made = makeTasks(name, version, SAY)
      place.drop({ ...made, files: { ...made.files, 'notes.txt': 'notes' } })
      // A plain folder, but for one.
      const manifest = join(place.path(`${name}-${version}`), MANIFEST_FILE)
      if (name !== 'repacked') rmSync(manifest)
    }
  }
  const first = await start(t, place)
  for (const name of Object.keys(CHANGES)) await untilActive(first, name, '2.0.0')
  await first.close()
  for (const [name, change] of Object.entries(CHANGES)) change(place.path(`${name}-2.0.0`))

  const executor = await start(t, place)
  for (const name of Object.keys(CHANGES)) {
    t.match(await say(executor, name), { version: '2.0.0' }, name)
    t.match(row(executor, name).versions, [{ version: '2.0.0' }, { version: '1.0.0' }])
  }
  t.match(row(executor, 'edited').refusals, [
    { version: '2.0.0', error: { code: 'VERSION_CONFLICT' } },
  ])
  for (let look = 0; look < 5; look++) await executor.reconcile()
  t.equal(active(executor, 'edited'), '2.0.0', 'its folder has not left')

  place.remove('edited-2.0.0')
  await untilActive(executor, 'edited', '1.0.0')
  t.equal(active(executor, 'broken'), '2.0.0')
  place.drop(makeTasks('broken', '2.1.0', SAY))
  await untilActive(executor, 'broken', '2.1.0')
})

t.test('the bytes of before may come back to the folder', async (t) => {
  const place = makePlace(t)
  const made = makeTasks('p', '1.0.0', SAY)
  place.drop(made)
  const first = await start(t, place)
  await first.close()
  writeFileSync(join(place.path('p-1.0.0'), 'index.js'), 'export default 1')
  const executor = await start(t, place)
  t.match(await say(executor, 'p'), { version: '1.0.0' })
  const { activeGeneration } = row(executor, 'p')
  place.remove('p-1.0.0')
  place.drop(made)
  await until(executor, 'it to back the version', () =>
    row(executor, 'p').versions.every(({ entry }) => entry === 'p-1.0.0'),
  )
  for (let look = 0; look < 5; look++) await executor.reconcile()
  t.match(row(executor, 'p'), { activeVersion: '1.0.0', activeGeneration })
})
