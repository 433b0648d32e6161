import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testPackage } from 'headgate/testing'
import definition from '../src/index.ts'
import { analyticsWorkflow } from '../src/workflow.ts'

const ALL = { limit: 2000 }

const kit = await testPackage(definition)
after(() => kit.close())

test('extract_data joins each flight with its airports, 100 by default', async () => {
  const run = await kit.task(analyticsWorkflow, 'extract_data')
  const { extracted_records, sources } = run.unwrap()
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
  const run = await kit.task(analyticsWorkflow, 'extract_data', { input: ALL })
  const { extracted_records } = run.unwrap()
  assert.equal(extracted_records.length, 2000)
  assert.ok(extracted_records.every((flight) => flight.great_circle !== null))
  const quoted = extracted_records.find((flight) => flight.origin === 'BTR')
  assert.equal(quoted?.origin_city, 'Baton Rouge', 'a name with a comma does not shift the columns')
})

test('extract_data narrows by day, origin and limit', async () => {
  const input = { day: '2001-01-26', origin: 'ORD', limit: 2 }
  const run = await kit.task(analyticsWorkflow, 'extract_data', { input })
  const { extracted_records } = run.unwrap()
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
  const run = await kit.run(analyticsWorkflow, { limit: 1, day: '1999-01-01', late })
  const { valid_records, rules } = run.unwrap().validate_data
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
  const run = await kit.run(analyticsWorkflow, ALL)
  const { rules } = run.unwrap().validate_data
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
  const deps = { validate_data: { valid_records } }
  const run = await kit.task(analyticsWorkflow, 'transform_data', { deps })
  const output = run.unwrap()
  assert.deepEqual(Object.keys(output), ['transformed_records', 'overall'])
  const { transformed_records, overall } = output
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
  const run = await kit.run(analyticsWorkflow, ALL)
  const { json, csv, markdown } = run.unwrap().generate_reports
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
  const deps = {
    transform_data: { analytics_metrics: { total_records: 0 } },
    validate_data: { rules: [] },
  }
  const { attempts } = await kit.task(analyticsWorkflow, 'generate_reports', { deps })
  assert.deepEqual(
    attempts.map(({ error }) => error?.code),
    ['RECORDS_MISSING'],
  )
})

test('no flight at all is a report of nothing, not a fault', async () => {
  const run = await kit.run(analyticsWorkflow, { day: '1999-01-01' })
  const { json, csv, markdown } = run.unwrap().generate_reports
  assert.equal(json.executive_dashboard.flights, 0)
  assert.equal(json.quality_report.accepted, null)
  assert.equal(csv.trimEnd().split('\n').length, 1)
  assert.match(markdown, /0 flights/)
})

test('the same input gives the same outputs', async () => {
  const input = { origin: 'LAX', limit: 50 }
  const [first, second] = [
    await kit.run(analyticsWorkflow, input),
    await kit.run(analyticsWorkflow, input),
  ]
  assert.deepEqual(first.unwrap(), second.unwrap())
})

test('a wrong input is refused with the place of each fault, and not tried again', async () => {
  const wrong = {
    day: '2001-13-01',
    origin: 'Los Angeles',
    limit: 0,
    late: [{ delay: '5' }],
    dya: '2001-01-01',
  }
  const { error, attempts } = await kit.run(analyticsWorkflow, wrong)
  assert.equal(error?.code, 'INPUT_INVALID')
  for (const place of ['dya', 'day', 'origin', 'limit', 'late.0.delay']) {
    assert.ok(error.message.includes(` ${place}: `), place)
  }
  assert.equal(attempts.length, 1)
  for (const value of [[], 'all', 7, { late: ['flight'] }]) {
    const refused = await kit.run(analyticsWorkflow, value)
    assert.equal(refused.error?.code, 'INPUT_INVALID')
  }
})

test('the input may be empty, null or left out', async () => {
  for (const input of [undefined, null, {}]) {
    const run = await kit.task(analyticsWorkflow, 'extract_data', { input })
    const { sources } = run.unwrap()
    assert.deepEqual(sources, { table: 100, late: 0 })
  }
})
