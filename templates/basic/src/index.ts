import { definePackage, workflow } from 'headgate/sdk'
import { textInput } from './input.ts'
import { rankWords, splitWords } from './words.ts'

export const wordCount = workflow('word_count', {
  description: 'The most frequent words of a text',
  input: textInput,
})
  .task('split_text', {
    timeout: '5s',
    pure: true,
    run: (_, { input, log }) => {
      const words = splitWords(input.text)
      log.info({ words: words.length }, 'text split')
      return { words }
    },
  })
  .task('rank_words', {
    after: ['split_text'],
    pure: true,
    run: ({ split_text }, { input }) => rankWords(split_text.words, input.limit),
  })

export default definePackage({
  description: 'Counts the words of a text',
  workflows: [wordCount],
})
