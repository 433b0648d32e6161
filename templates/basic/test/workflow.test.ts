import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testPackage } from 'headgate/testing'
import definition, { wordCount } from '../src/index.ts'

test('word_count ranks the words of its text', async () => {
  await using kit = await testPackage(definition)
  const run = await kit.run(wordCount, { text: 'To be, or not to be?', limit: 1 })
  const top = [{ word: 'be', count: 2 }]
  assert.deepEqual(run.output, { rank_words: { total: 6, distinct: 4, top } })
  assert.deepEqual(
    run.attempts.map(({ task, attempt }) => [task, attempt]),
    [
      ['split_text', 1],
      ['rank_words', 1],
    ],
  )
  assert.deepEqual(
    run.logs.map(({ message, fields }) => [message, fields]),
    [['text split', { words: 6 }]],
  )
})

test('rank_words alone takes what split_text returns', async () => {
  await using kit = await testPackage(definition)
  const run = await kit.task(wordCount, 'rank_words', {
    input: { text: '' },
    deps: { split_text: { words: ['b', 'a', 'b'] } },
  })
  assert.deepEqual(run.unwrap(), {
    total: 3,
    distinct: 2,
    top: [
      { word: 'b', count: 2 },
      { word: 'a', count: 1 },
    ],
  })
})

test('an input that is none is refused with the place of the fault, and no task runs', async () => {
  await using kit = await testPackage(definition)
  for (const [input, place] of [
    ['text', /object/],
    [{}, /text/],
    [{ text: 'a', limit: 0 }, /limit/],
  ] as const) {
    const run = await kit.run(wordCount, input)
    assert.equal(run.error?.code, 'INPUT_INVALID')
    assert.match(run.error.message, place)
    assert.deepEqual(run.logs, [])
  }
})
