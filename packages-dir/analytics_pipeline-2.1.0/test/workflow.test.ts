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

test('transform_data puts its figures under analytics_metrics', async () => {
  const flight = {
    date: '2001/01/01 10:00',
    distance: 100,
    origin: 'LAX',
    origin_city: 'Los Angeles',
    origin_state: 'CA',
    destination: 'BNA',
    destination_city: 'Nashville',
  }
  const delays = [-5, 0, 5, 10, 14, 15, 20, 30, 40, 100]
  const valid_records = delays.map((delay) => ({ ...flight, delay }))
  const deps = { validate_data: { valid_records } }
  const run = await kit.task(analyticsWorkflow, 'transform_data', { deps })
  const { analytics_metrics } = run.unwrap()
  const figures = { flights: 10, mean: 22.9, p50: 14, p90: 40, worst: 100, on_time: 0.5 }
  assert.deepEqual(analytics_metrics, {
    total_records: 10,
    delay_metrics: figures,
    distance_metrics: { total: 1000, mean: 100 },
    airports: [{ airport: 'LAX', city: 'Los Angeles', state: 'CA', ...figures }],
    days: [{ day: '2001-01-01', flights: 10, mean: 22.9 }],
  })
})

test('generate_reports returns the figures as JSON, CSV and Markdown', async () => {
  const run = await kit.run(analyticsWorkflow, ALL)
  const { json, csv, markdown } = run.unwrap().generate_reports
  assert.deepEqual(Object.keys(json), [
    'executive_summary',
    'detailed_analytics',
    'operational_dashboard',
    'trend_analysis',
  ])
  assert.equal(json.executive_summary.flights, 1996)
  assert.equal(json.operational_dashboard.accepted + json.operational_dashboard.refused, 2000)
  assert.equal(json.trend_analysis.length, 90)
  const lines = csv.trimEnd().split('\n')
  assert.equal(lines.length, json.detailed_analytics.length + 1)
  assert.match(lines[1] ?? '', /^ORD,Chicago,IL,117,/)
  assert.match(markdown, /^# Flight delays\n\n1996 flights from 2001-01-01 to 2001-03-31: /)
})

test('generate_reports refuses the figures of another version for good', async () => {
  const deps = { transform_data: { transformed_records: [] }, validate_data: { rules: [] } }
  const { attempts } = await kit.task(analyticsWorkflow, 'generate_reports', { deps })
  assert.deepEqual(
    attempts.map(({ error }) => error?.code),
    ['METRICS_MISSING'],
  )
})

test('no flight at all is a report of nothing, not a fault', async () => {
  const run = await kit.run(analyticsWorkflow, { day: '1999-01-01' })
  const { json, csv, markdown } = run.unwrap().generate_reports
  assert.equal(json.executive_summary.flights, 0)
  assert.equal(json.executive_summary.worst_airport, null)
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
