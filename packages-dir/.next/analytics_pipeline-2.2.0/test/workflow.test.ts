import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TerminalError } from 'headgate/sdk'
import type { Extraction } from '../src/extract.ts'
import type { Reports } from '../src/reports.ts'
import type { Transformation } from '../src/transform.ts'
import type { Validation } from '../src/validate.ts'
import { analyticsWorkflow } from '../src/workflow.ts'
import { checkInput, runAll, runTask } from './run.ts'

const ALL = { limit: 2000 }

test('extract_data joins each flight with its airports, 100 by default', async () => {
  const { extracted_records, sources } = (await runTask(
    analyticsWorkflow,
    'extract_data',
    {},
    undefined,
  )) as Extraction
  assert.deepEqual(sources, { table: 100, late: 0 })
  assert.deepEqual(extracted_records[0], {
    date: '2001/01/01 06:55',
    delay: -19,
    distance: 1797,
    origin: 'LAX',
    destination: 'BNA',
    origin_city: 'Los Angeles',
    origin_state: 'CA',
    destination_city: 'Nashville',
    great_circle: 1794,
  })
})

test('extract_data finds the airport of every flight in the table', async () => {
  const { extracted_records } = (await runTask(
    analyticsWorkflow,
    'extract_data',
    {},
    ALL,
  )) as Extraction
  assert.equal(extracted_records.length, 2000)
  assert.ok(extracted_records.every((flight) => flight.great_circle !== null))
  const quoted = extracted_records.find((flight) => flight.origin === 'BTR')
  assert.equal(quoted?.origin_city, 'Baton Rouge', 'a name with a comma does not shift the columns')
})

test('extract_data narrows by day, origin and limit', async () => {
  const input = { day: '2001-01-26', origin: 'ORD', limit: 2 }
  const { extracted_records } = (await runTask(
    analyticsWorkflow,
    'extract_data',
    {},
    input,
  )) as Extraction
  assert.equal(extracted_records.length, 2)
  for (const flight of extracted_records) {
    assert.equal(flight.origin, 'ORD')
    assert.match(flight.date ?? '', /^2001\/01\/26 /)
  }
})

test('each rule of validate_data refuses what it is for and counts it', async () => {
  const good = {
    date: '2001/02/03 10:00',
    delay: 5,
    distance: 1797,
    origin: 'LAX',
    destination: 'BNA',
  }
  const late = [
    good,
    { ...good, delay: null },
    good,
    { ...good, date: '3 Feb 2001' },
    { ...good, origin: 'lax' },
    { ...good, delay: 2.5 },
    { ...good, delay: -46 },
    { ...good, delay: 6, distance: 900 },
    { ...good, destination: 'LAX' },
    { ...good, destination: 'ZZZ' },
  ]
  const outputs = await runAll(analyticsWorkflow, { limit: 1, day: '1999-01-01', late })
  const { valid_records, rules } = outputs['validate_data'] as Validation
  assert.deepEqual(rules, [
    { rule: 'null_check', checked: 10, refused: 1 },
    { rule: 'duplicate_removal', checked: 9, refused: 1 },
    { rule: 'format_validation', checked: 8, refused: 3 },
    { rule: 'business_rules', checked: 5, refused: 4 },
  ])
  assert.equal(valid_records.length, 1)
  assert.ok(!('great_circle' in (valid_records[0] ?? {})))
})

test('of the whole table only the implausible delays are refused', async () => {
  const outputs = await runAll(analyticsWorkflow, ALL)
  const { rules } = outputs['validate_data'] as Validation
  assert.deepEqual(
    rules.map(({ refused }) => refused),
    [0, 0, 0, 4],
  )
})

test('transform_data puts one record per airport and distance band under transformed_records', async () => {
  const flight = {
    date: '2001/01/01 10:00',
    origin: 'LAX',
    origin_city: 'Los Angeles',
    origin_state: 'CA',
    destination: 'BNA',
    destination_city: 'Nashville',
  }
  const valid_records = [
    { ...flight, distance: 499, delay: 0 },
    { ...flight, distance: 500, delay: 10 },
    { ...flight, distance: 1499, delay: 40 },
    { ...flight, distance: 1500, delay: -5 },
  ]
  const outputs = { validate_data: { valid_records } }
  const output = await runTask(analyticsWorkflow, 'transform_data', outputs, ALL)
  assert.deepEqual(Object.keys(output as object), ['transformed_records', 'overall'])
  const { transformed_records, overall } = output as Transformation
  const airport = { airport: 'LAX', city: 'Los Angeles', state: 'CA' }
  assert.deepEqual(transformed_records, [
    {
      ...airport,
      band: 'long',
      miles: 1500,
      flights: 1,
      mean: -5,
      p50: -5,
      p90: -5,
      worst: -5,
      on_time: 1,
    },
    {
      ...airport,
      band: 'medium',
      miles: 1999,
      flights: 2,
      mean: 25,
      p50: 10,
      p90: 40,
      worst: 40,
      on_time: 0.5,
    },
    {
      ...airport,
      band: 'short',
      miles: 499,
      flights: 1,
      mean: 0,
      p50: 0,
      p90: 0,
      worst: 0,
      on_time: 1,
    },
  ])
  assert.equal(overall.flights, 4)
})

test('generate_reports returns the records as JSON, CSV and Markdown', async () => {
  const outputs = await runAll(analyticsWorkflow, ALL)
  const { json, csv, markdown } = outputs['generate_reports'] as Reports
  assert.deepEqual(Object.keys(json), [
    'executive_dashboard',
    'operational_metrics',
    'quality_report',
    'performance_analytics',
  ])
  assert.equal(json.executive_dashboard.flights, 1996)
  assert.equal(json.quality_report.accepted, 0.998)
  const counted = json.operational_metrics.reduce((total, { flights }) => total + flights, 0)
  assert.equal(counted, 1996)
  const lines = csv.trimEnd().split('\n')
  assert.equal(lines.length, json.performance_analytics.length + 1)
  assert.match(lines[1] ?? '', /^ABE,Allentown,PA,/)
  assert.match(markdown, /^# Flight performance\n\n1996 flights from \d+ airports: /)
})

test('generate_reports refuses the figures of 2.1.0 for good', async () => {
  const outputs = {
    transform_data: { analytics_metrics: { total_records: 0 } },
    validate_data: { rules: [] },
  }
  await assert.rejects(
    runTask(analyticsWorkflow, 'generate_reports', outputs, {}),
    (error: unknown) => error instanceof TerminalError && error.code === 'RECORDS_MISSING',
  )
})

test('no flight at all is a report of nothing, not a fault', async () => {
  const outputs = await runAll(analyticsWorkflow, { day: '1999-01-01' })
  const { json, csv, markdown } = outputs['generate_reports'] as Reports
  assert.equal(json.executive_dashboard.flights, 0)
  assert.equal(json.quality_report.accepted, null)
  assert.equal(csv.trimEnd().split('\n').length, 1)
  assert.match(markdown, /0 flights/)
})

test('the same input gives the same outputs', async () => {
  const input = { origin: 'LAX', limit: 50 }
  assert.deepEqual(await runAll(analyticsWorkflow, input), await runAll(analyticsWorkflow, input))
})

test('a wrong input is refused with the place of each fault', async () => {
  const wrong = {
    day: '2001-13-01',
    origin: 'Los Angeles',
    limit: 0,
    late: [{ delay: '5' }, 'flight'],
    dya: '2001-01-01',
  }
  await assert.rejects(checkInput(analyticsWorkflow, wrong), (error: Error) => {
    assert.deepEqual(
      error.message.split('\n').map((line) => line.slice(0, line.indexOf(':'))),
      ['dya', 'day', 'origin', 'limit', 'late.0.delay', 'late.1'],
    )
    return true
  })
  for (const value of [[], 'all', 7]) await assert.rejects(checkInput(analyticsWorkflow, value))
  for (const value of [undefined, null, {}]) {
    assert.deepEqual(await checkInput(analyticsWorkflow, value), {
      day: null,
      origin: null,
      limit: 100,
      late: [],
    })
  }
})
