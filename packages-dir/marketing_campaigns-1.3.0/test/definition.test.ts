import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import definition from '../src/index.ts'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

test('package.json and the definition say the same', () => {
  assert.equal(manifest.description, definition.description)
})

test('the workflow has the two tasks of the campaign with their retry policies', () => {
  assert.deepEqual(
    definition.workflows.map(({ name }) => name),
    ['marketing_workflow'],
  )
  assert.deepEqual(
    definition.workflows[0]?.tasks.map(({ name, options }) => [
      name,
      options['after'] ?? [],
      options['retry'],
    ]),
    [
      ['segment_customers', [], { attempts: 2 }],
      ['create_campaigns', ['segment_customers'], { attempts: 3 }],
    ],
  )
})
