import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import definition from '../src/index.ts'
import { textInput } from '../src/input.ts'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

test('package.json and the definition say the same', () => {
  assert.equal(definition.description, manifest.description)
})

test('rank_words runs after split_text', () => {
  const [workflow] = definition.workflows
  assert.equal(workflow?.name, 'word_count')
  assert.deepEqual(
    workflow.tasks.map(({ name, options }) => [name, options['after'] ?? []]),
    [
      ['split_text', []],
      ['rank_words', ['split_text']],
    ],
  )
})

test('an input that is none is refused with the place of the fault', async () => {
  const { validate } = textInput['~standard']
  assert.deepEqual(await validate({ text: 'a' }), { value: { text: 'a', limit: 10 } })
  for (const [input, path] of [
    ['a', []],
    [{}, ['text']],
    [{ text: 'a', limit: 0 }, ['limit']],
  ] as const) {
    assert.deepEqual((await validate(input)).issues?.[0]?.path, path)
  }
})
