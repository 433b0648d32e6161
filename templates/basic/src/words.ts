/** The work itself, in plain functions: they are tested without a workflow. */

export interface Ranking {
  /** Words of the text, repeated ones counted each time. */
  readonly total: number
  readonly distinct: number
  /** Most frequent first, equally frequent ones by the alphabet. */
  readonly top: readonly { readonly word: string; readonly count: number }[]
}

const segmenter = new Intl.Segmenter('en', { granularity: 'word' })

/** In lower case, without punctuation and spaces. */
export function splitWords(text: string): string[] {
  return [...segmenter.segment(text)]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment.toLowerCase())
}

export function rankWords(words: readonly string[], limit: number): Ranking {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  const top = [...counts]
    .map(([word, count]) => ({ word, count }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, limit)
  return { total: words.length, distinct: counts.size, top }
}
