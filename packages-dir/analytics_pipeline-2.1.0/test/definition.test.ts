import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import definition from '../src/index.ts'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

test('package.json and the definition say the same', () => {
  assert.equal(manifest.description, definition.description)
})

test('the workflow has the four tasks of the pipeline with their retry policies', () => {
  assert.deepEqual(
    definition.workflows.map(({ name }) => name),
    ['analytics_workflow'],
  )
  assert.deepEqual(
    definition.workflows[0]?.tasks.map(({ name, options }) => [
      name,
      options['after'] ?? [],
      options['retry'],
    ]),
    [
      ['extract_data', [], { attempts: 3, backoff: 'exponential' }],
      ['validate_data', ['extract_data'], { attempts: 2, backoff: 'linear' }],
      ['transform_data', ['validate_data'], { attempts: 3, backoff: 'exponential', delay: '2s' }],
      ['generate_reports', ['transform_data', 'validate_data'], { attempts: 2 }],
    ],
  )
})
