import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TerminalError } from 'headgate/sdk'
import { testPackage } from 'headgate/testing'
import definition from '../src/index.ts'
import { type Segmentation, segmentCustomers } from '../src/segments.ts'
import type { Customer } from '../src/tables.ts'
import { render } from '../src/template.ts'
import { marketingWorkflow } from '../src/workflow.ts'

const kit = await testPackage(definition)
after(() => kit.close())

function customer(id: string, ...orders: readonly [day: string, amount: number][]): Customer {
  return {
    id,
    firstName: id.toUpperCase(),
    city: 'Ulm',
    orders: orders.map(([day, amount]) => ({ day, amount })),
  }
}

test('segment_customers puts every customer with an order into one segment', async () => {
  const run = await kit.task(marketingWorkflow, 'segment_customers')
  const { customer_segments, today } = run.unwrap()
  assert.equal(today, '2025-06-30')
  assert.deepEqual(
    customer_segments.map(({ name }) => name),
    ['high_value', 'medium_value', 'new_customers', 'at_risk'],
  )
  const ids = customer_segments.flatMap(({ members }) =>
    members.map((member) => member.customer_id),
  )
  assert.equal(new Set(ids).size, 400)
  assert.equal(ids.length, 400)
  for (const { count, members } of customer_segments) {
    assert.equal(count, members.length)
    assert.ok(count > 20, 'the sample data has something of everything')
  }
})

test('recency, frequency and amount are those of the orders up to the day', () => {
  const customers = [
    customer('a', ['2025-01-01', 10.1], ['2025-03-01', 20.2], ['2025-06-01', 99]),
    customer('b', ['2025-06-01', 5]),
  ]
  const { customer_segments } = segmentCustomers('2025-03-31', { customers, lastDay: '2025-06-01' })
  const members = customer_segments.flatMap((segment) => segment.members)
  assert.deepEqual(members, [
    {
      customer_id: 'a',
      first_name: 'A',
      city: 'Ulm',
      recency: 30,
      frequency: 2,
      amount: 30.3,
      score: '111',
    },
  ])
})

test('who bought much and lately is of high value, who stays away is at risk', () => {
  const old = '2024-01-01'
  const customers = [
    customer('loyal', [old, 100], ['2025-06-01', 100], ['2025-06-20', 100]),
    customer('solid', [old, 50], ['2025-05-20', 60]),
    customer('gone', [old, 300], ['2024-02-01', 300]),
    customer('small', ['2024-03-01', 5]),
    customer('fresh', ['2025-06-10', 70]),
  ]
  const { customer_segments } = segmentCustomers('2025-06-30', { customers, lastDay: old })
  const found = Object.fromEntries(
    customer_segments.map(({ name, members }) => [
      name,
      members.map((member) => member.customer_id),
    ]),
  )
  assert.deepEqual(found, {
    high_value: ['loyal'],
    medium_value: ['solid', 'small'],
    new_customers: ['fresh'],
    at_risk: ['gone'],
  })
})

test('create_campaigns writes to each customer of each segment by name', async () => {
  const member = { city: 'Ulm', recency: 12, frequency: 4, amount: 200, score: '555' }
  const segment_customers: Segmentation = {
    today: '2025-06-30',
    customer_segments: [
      {
        name: 'high_value',
        count: 2,
        members: [
          { ...member, customer_id: 'c1', first_name: 'Ada' },
          { ...member, customer_id: 'c2', first_name: 'Ben' },
        ],
      },
      { name: 'at_risk', count: 0, members: [] },
    ],
  }
  const call = { input: { limit: 1 }, deps: { segment_customers } }
  const run = await kit.task(marketingWorkflow, 'create_campaigns', call)
  assert.deepEqual(run.unwrap(), {
    campaigns: [
      {
        segment: 'high_value',
        campaign_id: 'camp_high_value_20250630',
        status: 'ready',
        audience: 2,
        messages: [
          {
            customer_id: 'c1',
            subject: 'Ada, something for our best customers',
            body: 'Dear Ada, you have ordered 4 times. Have a look at the new range before everyone else in Ulm.',
          },
        ],
      },
      {
        segment: 'at_risk',
        campaign_id: 'camp_at_risk_20250630',
        status: 'empty',
        audience: 0,
        messages: [],
      },
    ],
  })
})

test('the whole chain makes four campaigns without a merge field left', async () => {
  const run = await kit.run(marketingWorkflow)
  const { campaigns } = run.unwrap().create_campaigns
  assert.equal(campaigns.length, 4)
  for (const { messages, status } of campaigns) {
    assert.equal(status, 'ready')
    assert.ok(messages.length > 0 && messages.length <= 25)
    assert.ok(messages.every(({ subject, body }) => !/[{}]|undefined|NaN/.test(subject + body)))
  }
})

test('only the segments asked for get a campaign', async () => {
  const run = await kit.run(marketingWorkflow, { segments: ['at_risk'], limit: 1000 })
  const { campaigns } = run.unwrap().create_campaigns
  assert.deepEqual(
    campaigns.map(({ segment }) => segment),
    ['at_risk'],
  )
  assert.equal(campaigns[0]?.messages.length, campaigns[0]?.audience)
})

test('a day before the first order gives empty campaigns', async () => {
  const run = await kit.run(marketingWorkflow, { today: '2020-01-01' })
  const { campaigns } = run.unwrap().create_campaigns
  assert.ok(campaigns.every(({ status, audience }) => status === 'empty' && audience === 0))
})

test('a template that asks for an unknown field ends the task for good', () => {
  assert.equal(render('Dear {{ name }}', { name: '$& Ada' }), 'Dear $& Ada')
  for (const template of ['{{age}}', '{{constructor}}']) {
    assert.throws(
      () => render(template, { name: 'Ada' }),
      (error: unknown) => error instanceof TerminalError && error.code === 'TEMPLATE_FIELD_UNKNOWN',
    )
  }
})

test('the same input gives the same outputs', async () => {
  const [first, second] = [await kit.run(marketingWorkflow), await kit.run(marketingWorkflow)]
  assert.deepEqual(first.unwrap(), second.unwrap())
})

test('a wrong input is refused with the place of each fault, and not tried again', async () => {
  const wrong = { today: 'tomorrow', limit: 2.5, segments: ['at_risk', 'rich'], who: 'all' }
  const { error, attempts } = await kit.run(marketingWorkflow, wrong)
  assert.equal(error?.code, 'INPUT_INVALID')
  for (const place of ['who', 'today', 'limit', 'segments.1']) {
    assert.ok(error.message.includes(` ${place}: `), place)
  }
  assert.equal(attempts.length, 1)
  for (const value of [[], 'all', { segments: [] }, { segments: 'all' }, { limit: 0 }]) {
    const refused = await kit.run(marketingWorkflow, value)
    assert.equal(refused.error?.code, 'INPUT_INVALID')
  }
})
