/** The table of errors, what src throws, and what the README promises are one and the same. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ERRORS, isErrorCode } from '../src/base/errors.ts'

const ROOT = join(import.meta.dirname, '..')
const TABLE = 'src/base/error-table.ts'

const sources = new Map(
  globSync('src/**/*.{ts,js}', { cwd: ROOT }).map((file) => [
    file,
    readFileSync(join(ROOT, file), 'utf8'),
  ]),
)

interface Throw {
  readonly where: string
  readonly code: string
  /** Keys of the details; null: they cannot be read off the text. */
  readonly keys: readonly string[] | null
}

/** Every `new HeadgateError('CODE', …)` of src. */
const throws: Throw[] = [...sources].flatMap(([file, text]) =>
  [...text.matchAll(/new HeadgateError\(\s*'([A-Z_]+)'\s*([,)])/g)].map((match) => {
    const [whole, code = '', next] = match
    const line = text.slice(0, match.index).split('\n').length
    const rest = text.slice(match.index + whole.length).trimStart()
    const keys = next === ')' ? [] : keysOf(rest)
    return { where: `${file}:${line}`, code, keys }
  }),
)

/** The keys of the object literal that `text` begins with; null: it is none, or it spreads others. */
function keysOf(text: string): string[] | null {
  if (!text.startsWith('{')) return null
  const keys: string[] = []
  let depth = 0
  let quote = ''
  let expectsKey = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (quote !== '') {
      if (char === '\\') at++
      else if (char === quote) quote = ''
      continue
    }
    if (`'"\``.includes(char)) quote = char
    else if ('{[('.includes(char)) {
      depth++
      if (depth === 1) expectsKey = true
    } else if ('}])'.includes(char)) {
      depth--
      if (depth === 0) return keys
    } else if (depth === 1 && char === ',') expectsKey = true
    else if (depth === 1 && expectsKey && /\S/.test(char)) {
      const key = /^\w+/.exec(text.slice(at))?.[0]
      if (key === undefined) return null
      keys.push(key)
      expectsKey = false
      at += key.length - 1
    }
  }
  return null
}

t.test('every error of the table is used', (t) => {
  const thrown = new Set(throws.map(({ code }) => code))
  const others = [...sources].filter(([file]) => file !== TABLE).map(([, text]) => text)
  const unused = Object.keys(ERRORS).filter((code) => {
    // As a value that is thrown later, or in the text of the bin's shim.
    const named = new RegExp(`['"\`]${code}\\b`)
    return !thrown.has(code) && !others.some((text) => named.test(text))
  })
  t.same(unused, [])
  t.end()
})

t.test('every error that is thrown is in the table', (t) => {
  t.ok(throws.length > 60, `${throws.length} places were found`)
  t.same(
    throws.filter(({ code }) => !isErrorCode(code)),
    [],
  )
  t.end()
})

t.test('every sentence is given the values it names', (t) => {
  let read = 0
  const missing: string[] = []
  for (const { where, code, keys } of throws) {
    if (keys === null || !isErrorCode(code)) continue
    read++
    for (const [, name = ''] of ERRORS[code].message.matchAll(/\{(\w+)\}/g)) {
      if (!keys.includes(name)) missing.push(`${where}: ${code} lacks ${name}`)
    }
  }
  t.same(missing, [])
  t.ok(read > throws.length / 2, `${read} of ${throws.length} places could be read`)
  t.end()
})

t.test('statuses and sentences are well formed', (t) => {
  const odd = Object.entries(ERRORS).filter(
    ([code, { status, message }]) =>
      status < 400 || status > 599 || !/[^.\s]$/.test(message) || !/^[A-Z]+(_[A-Z]+)*$/.test(code),
  )
  t.same(odd, [])
  t.end()
})

t.test('README.md lists exactly the errors of the table', (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const part = /<!-- errors -->([\s\S]*?)<!-- \/errors -->/.exec(readme)?.[1]
  if (part === undefined)
    throw new Error('README.md has no part between <!-- errors --> and <!-- /errors -->')
  const rows = part
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [code = '', status, retryable, message] = line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|'))
      return { code: code.replaceAll('`', ''), status, retryable, message }
    })
  const table = Object.entries(ERRORS).map(([code, { status, retryable, message }]) => {
    return { code, status: String(status), retryable: retryable ? 'yes' : 'no', message }
  })
  const byCode = (a: { code: string }, b: { code: string }): number => (a.code < b.code ? -1 : 1)
  t.same(rows.toSorted(byCode), table.toSorted(byCode))
  t.end()
})
