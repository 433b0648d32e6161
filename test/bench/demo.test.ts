import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const DEMO = fileURLToPath(new URL('../../bench/demo.ts', import.meta.url))

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

async function demo(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [DEMO, ...args], { env: {} })
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => void child.once('close', resolve)),
  ])
  return { status, stdout, stderr }
}

t.test('the demo swaps under load, shows a refusal and answers one line of JSON', async (t) => {
  const { status, stdout, stderr } = await demo(['--json'])
  t.equal(status, 0, stderr)
  const lines = stdout.trimEnd().split('\n')
  t.equal(lines.length, 1)
  const summary = JSON.parse(lines[0] ?? '')
  t.match(summary, {
    swap: {
      package: 'analytics_pipeline',
      from: '2.1.0',
      to: '2.2.0',
      lost: 0,
      doubled: 0,
      wrongGeneration: 0,
      inFlightAtSwap: Number,
      moved: Number,
      drained: Number,
      killed: 0,
      dropToFirstTaskMs: Number,
      drainMs: Number,
      longestGapMs: Number,
      spare: /^(hit|miss|revive)$/,
    },
    refused: { code: /^[A-Z_]+$/ },
    tasks: Number,
  })
  t.ok(summary.tasks > 0)
  t.match(stderr, /Swap receipt/)
  t.match(stderr, /http:\/\/127\.0\.0\.1:\d+\/v1\/packages/)
})

t.test('the demo answers a wrong option with its usage and exit code 2', async (t) => {
  const { status, stdout, stderr } = await demo(['--port', 'x'])
  t.equal(status, 2)
  t.equal(stdout, '')
  t.match(stderr, /usage: npm run demo/)
})
