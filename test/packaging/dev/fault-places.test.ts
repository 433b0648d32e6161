import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HeadgateError } from '../../../src/base/errors.ts'
import { authorText, placesOf } from '../../../src/packaging/dev/fault-places.ts'

const around = { dir: '/home/ada/own', slotsDir: '/tmp/x/data/slots', modules: [] }

t.test('paths in a slot are led back to the source folder, whatever slot it is', (t) => {
  const text =
    'Cannot find /tmp/x/data/slots/77-3/src/a.ts, from file:///tmp/x/data/slots/77-12/src/b.ts'
  t.equal(
    authorText(text, around),
    'Cannot find /home/ada/own/src/a.ts, from /home/ada/own/src/b.ts',
  )
  t.equal(authorText('/tmp/x/data/artifacts/a', around), '/tmp/x/data/artifacts/a')
  t.end()
})

t.test('of a stack the first frame in the own code counts', (t) => {
  const dir = t.testdir()
  for (const folder of ['src', 'node_modules/dep'])
    mkdirSync(join(dir, folder), { recursive: true })
  for (const file of ['src/a.ts', 'node_modules/dep/x.js']) writeFileSync(join(dir, file), '')
  const slot = '/tmp/x/data/slots/77-3'
  const stack = [
    'Error: no (luck:1:1)',
    `    at dep (file://${slot}/node_modules/dep/x.js:9:9)`,
    `    at generated (${slot}/src/index.js:1:1)`,
    `    at async Object.setup (${slot}/src/a.ts:12:34)`,
    `    at ${slot}/src/a.ts:99:1`,
  ].join('\n')
  const error = new HeadgateError('SETUP_FAILED', { package: 'own', version: '1.0.0', stack })
  t.strictSame(placesOf(error, { ...around, dir }), [
    { file: join(dir, 'src/a.ts'), line: 12, column: 34, text: null },
  ])
  const without = new HeadgateError('SETUP_FAILED', { package: 'own', stack: 'Error: x\n  at y' })
  t.strictSame(placesOf(without, { ...around, dir }), [])
  t.end()
})
