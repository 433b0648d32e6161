/** create_campaigns: one campaign a segment, one message a customer. */

import type { MarketingQuery } from './input.ts'
import type { Member, Segmentation, SegmentName } from './segments.ts'
import { render } from './template.ts'

export interface Message {
  readonly customer_id: string
  readonly subject: string
  readonly body: string
}

export interface Campaign {
  readonly segment: SegmentName
  /** The same for the same segment and day, so that a campaign is not sent twice. */
  readonly campaign_id: string
  readonly status: 'ready' | 'empty'
  /** Customers in the segment; the campaign writes to the first of them, up to the limit. */
  readonly audience: number
  readonly messages: readonly Message[]
}

interface Template {
  readonly subject: string
  readonly body: string
}

const TEMPLATES: Readonly<Record<SegmentName, Template>> = {
  high_value: {
    subject: '{{first_name}}, something for our best customers',
    body: 'Dear {{first_name}}, you have ordered {{frequency}} times. Have a look at the new range before everyone else in {{city}}.',
  },
  medium_value: {
    subject: 'New for you, {{first_name}}',
    body: 'Dear {{first_name}}, from {{threshold}} euros the next delivery to {{city}} is free.',
  },
  new_customers: {
    subject: 'Welcome, {{first_name}}',
    body: 'Dear {{first_name}}, thank you for your first order. How do you like it in {{city}}?',
  },
  at_risk: {
    subject: 'We miss you, {{first_name}}',
    body: 'Dear {{first_name}}, your last order was {{recency}} days ago. Ten percent off are waiting for you until the end of the month.',
  },
}

export function createCampaigns(
  { customer_segments, today }: Segmentation,
  { segments, limit }: Pick<MarketingQuery, 'segments' | 'limit'>,
): { readonly campaigns: readonly Campaign[] } {
  const campaigns = customer_segments
    .filter(({ name }) => segments.includes(name))
    .map(({ name, members }) => ({
      segment: name,
      campaign_id: `camp_${name}_${today.replaceAll('-', '')}`,
      status: members.length === 0 ? ('empty' as const) : ('ready' as const),
      audience: members.length,
      messages: members.slice(0, limit).map((member) => messageTo(member, TEMPLATES[name])),
    }))
  return { campaigns }
}

function messageTo(member: Member, { subject, body }: Template): Message {
  const { customer_id, first_name, city, recency, frequency } = member
  const fields = { first_name, city, recency, frequency, threshold: thresholdOf(member) }
  return { customer_id, subject: render(subject, fields), body: render(body, fields) }
}

/** A little over what the customer usually spends, in steps of ten euros. */
function thresholdOf({ amount, frequency }: Member): number {
  return Math.ceil((amount / frequency) * 0.12) * 10
}
