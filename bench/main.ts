/**
 * `npm run bench -- <scenario> [--quick] [--json] [--rounds N]`
 *
 * Progress goes to stderr; tables, or with --json one line a scenario, to stdout.
 */

import { parseArgs } from 'node:util'
import { describeMachine } from './lib/machine.ts'
import { toJsonLine, toText } from './lib/report.ts'
import { dev } from './scenarios/dev.ts'
import { dispatch } from './scenarios/dispatch.ts'
import { many } from './scenarios/many.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { drop } from './scenarios/drop.ts'
import { pack } from './scenarios/pack.ts'
import { sample } from './scenarios/sample.ts'
import { swap } from './scenarios/swap.ts'

const SCENARIOS: readonly Scenario[] = [dispatch, swap, sample, many, pack, drop, dev]

const USAGE = `usage: npm run bench -- <scenario>... [--quick] [--json] [--rounds N]

${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join('\n')}
  all        every one of them, in this order

  --quick    under 20 s a scenario: shows that it works, proves nothing
  --json     one line of JSON a scenario on stdout
  --rounds   rounds instead of the scenario's own number
`

interface Command {
  readonly scenarios: readonly Scenario[]
  readonly quick: boolean
  readonly json: boolean
  readonly rounds: number | undefined
}

/** A string says what is wrong with the arguments. */
function readCommand(args: readonly string[]): Command | string {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        rounds: { type: 'string' },
      },
    })
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault)
  }
  const { values, positionals } = parsed
  const names = positionals.includes('all') ? SCENARIOS.map(({ name }) => name) : positionals
  if (names.length === 0) return 'name a scenario'
  const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name))
  if (unknown !== undefined) return `there is no scenario ${unknown}`
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100)) {
    return `--rounds ${values.rounds}: write a whole number from 1 to 100`
  }
  return {
    scenarios: SCENARIOS.filter(({ name }) => names.includes(name)),
    quick: values.quick,
    json: values.json,
    rounds,
  }
}

const command = readCommand(process.argv.slice(2))
if (typeof command === 'string') {
  process.stderr.write(`${command}\n\n${USAGE}`)
  process.exit(2)
}

// A signal must run the exit handlers: they end the sample and remove its folders.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

for (const scenario of command.scenarios) {
  const machine = describeMachine()
  const outcome = await scenario.run({
    quick: command.quick,
    rounds: command.rounds,
    progress: (line) => process.stderr.write(`${scenario.name}: ${line}\n`),
  })
  const print = command.json
    ? `${toJsonLine(scenario.name, machine, outcome)}\n`
    : `${toText(scenario.name, machine, outcome)}\n`
  process.stdout.write(print)
}
