import { createHash } from 'node:crypto'
import t from 'tap'
import { contentDigest, parseContentDigest } from '../../src/protocol/content-digest.ts'

const bytes = createHash('sha256').update('hello').digest()
const base64 = bytes.toString('base64')

t.test('what is written is read again', (t) => {
  const written = contentDigest(new Uint8Array(bytes).buffer)
  t.equal(written, `sha-256=:${base64}:`)
  t.equal(parseContentDigest(written), bytes.toString('hex'))
  t.end()
})

t.test('sha-256 is found among others, with parameters, and nothing else passes for it', (t) => {
  const hex = bytes.toString('hex')
  t.equal(parseContentDigest(`sha-512=:AAAA:, sha-256=:${base64}:`), hex)
  t.equal(parseContentDigest(`sha-256=:${base64}:;q=1,md5=:AAAA:`), hex)
  for (const value of [
    '',
    'sha-256',
    `sha-256=${base64}`,
    `sha-256=:${base64.slice(4)}:`,
    `sha-256=:${base64}`,
    `x-sha-256=:${base64}:`,
    `sha-256=:${'='.repeat(44)}:`,
  ]) {
    t.equal(parseContentDigest(value), null, JSON.stringify(value))
  }
  t.end()
})
