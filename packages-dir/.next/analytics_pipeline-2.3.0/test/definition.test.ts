import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import definition from '../src/index.ts'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

test('the version is broken as announced: one task comes after one that does not exist', () => {
  assert.equal(manifest.version, '2.3.0')
  const tasks = definition.workflows[0]?.tasks ?? []
  const names = new Set(tasks.map(({ name }) => name))
  const wanted = tasks.flatMap(({ options }) => (options['after'] ?? []) as readonly string[])
  assert.deepEqual(
    wanted.filter((name) => !names.has(name)),
    ['transform_dta'],
  )
})
