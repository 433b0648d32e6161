/** What `headgate log` and `headgate receipts` show, and what they refuse. */

import t from 'tap'
import { serve } from '../server/serve.ts'
import { type Ended, run } from './command.ts'

t.test('log shows the newest entries, and how to read on', async (t) => {
  const { server, executor } = await serve(t)
  const log = async (...args: string[]): Promise<{ seqs: number[]; stderr: string }> => {
    const { code, stdout, stderr } = await run(['log', '--url', server.url, ...args])
    t.equal(code, 0)
    const seqs = stdout.split('\n').flatMap((line) => (line === '' ? [] : Number.parseInt(line)))
    return { seqs, stderr }
  }
  t.strictSame(await log(), { seqs: [], stderr: 'what follows: --since 0\n' })
  for (let i = 0; i < 1_500; i++) executor.append()
  const { seqs, stderr } = await log('--limit', '1000')
  t.equal(seqs[0], 501)
  t.equal(seqs.at(-1), 1_500)
  t.equal(stderr, 'from the beginning: --since 0\nwhat follows: --since 1500\n')
  executor.append()
  t.strictSame(await log('--since', '1500'), {
    seqs: [1_501],
    stderr: 'what follows: --since 1501\n',
  })
  t.strictSame(await log('--since', '0', '--limit', '2'), {
    seqs: [1, 2],
    stderr: 'what follows: --since 2\n',
  })
  const json = await run(['log', '--url', server.url, '--limit', '1', '--json'])
  t.match(JSON.parse(json.stdout), { seq: 1_501 })
})

t.test('receipts and log take a package with its tenant, and refuse what is no name', async (t) => {
  const { server } = await serve(t)
  const ask = (...args: string[]): Promise<Ended> => run([...args, '--url', server.url])
  t.match(await ask('receipts', '--package', 'acme::billing'), {
    code: 0,
    stdout: '',
    stderr: 'no receipts\n',
  })
  for (const args of [
    ['receipts', '--package', 'a::b::c'],
    ['receipts', '--tenant', 'a b'],
    ['log', '--package', 'p@1.0.0'],
  ]) {
    t.match(await ask(...args), { code: 2, stderr: /^NAME_INVALID/ }, args.join(' '))
  }
})
