/**
 * The inputs of the dispatch scenario: DISTINCT objects of about 200 bytes of JSON.
 *
 * One shared object would flatter every batching competitor four to five times, because a batch is
 * then serialised with back-references.
 */

import { pick, seeded } from './random.ts'

export interface Payload {
  readonly id: number
  readonly user: { readonly name: string; readonly region: string; readonly active: boolean }
  readonly tags: readonly string[]
  readonly values: readonly number[]
  readonly note: string
}

const REGIONS = ['north', 'south', 'east', 'west', 'centre']

export function makePayloads(count: number, seed: number): readonly Payload[] {
  const random = seeded(seed)
  const word = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('')
  return Array.from({ length: count }, (_, id) => ({
    id,
    user: { name: word(12), region: pick(random, REGIONS), active: random() < 0.5 },
    tags: [word(6), word(7), word(5)],
    values: Array.from({ length: 4 }, () => Math.floor(random() * 100_000)),
    note: word(40),
  }))
}

/** Throws unless `got` is an equal copy of `sent`; cheap enough to check every result. */
export function checkEcho(sent: Payload, got: unknown): void {
  const copy = got as Partial<Payload> | null | undefined
  const equal =
    copy?.id === sent.id &&
    copy.note === sent.note &&
    copy.user?.name === sent.user.name &&
    copy.tags?.[2] === sent.tags[2] &&
    copy.values?.length === sent.values.length &&
    copy.values[3] === sent.values[3]
  if (!equal) throw new Error(`wrong answer for ${JSON.stringify(sent)}: ${JSON.stringify(got)}`)
}
