import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rankWords, splitWords } from '../src/words.ts'

test('words are split at spaces and punctuation and compared in lower case', () => {
  assert.deepEqual(splitWords('To be, or not to be?'), ['to', 'be', 'or', 'not', 'to', 'be'])
  assert.deepEqual(splitWords(' … '), [])
})

test('the most frequent words come first, equally frequent ones by the alphabet', () => {
  assert.deepEqual(rankWords(['to', 'be', 'or', 'not', 'to', 'be'], 3), {
    total: 6,
    distinct: 4,
    top: [
      { word: 'be', count: 2 },
      { word: 'to', count: 2 },
      { word: 'not', count: 1 },
    ],
  })
})
