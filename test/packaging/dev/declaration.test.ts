import t from 'tap'
import { declarationOf, type Needle } from '../../../src/packaging/dev/declaration.ts'

const TEXTS: Readonly<Record<string, string>> = {
  '/p/index.ts': `import { daily } from './daily.ts'
const names = ['extract', 'daily']
`,
  '/p/daily.ts': `export const daily = workflow<Input>('daily', { input })
  .task('extract', { retry: { attempts: 3 }, run })
  .task(
    "report", { after: ['extrct'],
      'retry': { atempts: 3 } })
`,
}

function found(...needles: readonly Needle[]): string | null {
  const place = declarationOf(needles, Object.keys(TEXTS), (file) => TEXTS[file] ?? '')
  return place === null ? null : `${place.file}:${place.line}:${place.column}`
}

const needle = (kind: Needle['kind'], name: string): Needle => ({ kind, name })

t.test('a declaration is found by what is around it, not where its name stands first', (t) => {
  t.equal(found(needle('workflow', 'daily')), '/p/daily.ts:1:39')
  t.equal(found(needle('task', 'extract')), '/p/daily.ts:2:10')
  t.equal(found(needle('text', 'extract')), '/p/index.ts:2:17')
  t.equal(found(needle('task', 'report'), needle('text', 'extrct')), '/p/daily.ts:4:26')
  t.equal(found(needle('task', 'report'), needle('key', 'retry')), '/p/daily.ts:5:8')
  t.equal(found(needle('task', 'extract'), needle('key', 'retry')), '/p/daily.ts:2:22')
  t.equal(found(needle('key', 'tempts')), null, 'a key is a whole word')
  t.end()
})

t.test('what is not written anywhere leaves the place of what is around it', (t) => {
  t.equal(found(needle('task', 'report'), needle('key', 'timeout')), '/p/daily.ts:4:6')
  t.equal(found(needle('task', 'made_at_run_time')), null)
  t.equal(found(needle('text', 'a.*[b')), null, 'a name is no pattern')
  t.equal(found(), null)
  t.end()
})
