/** generate_reports: the records as JSON, CSV and Markdown. */

import { TerminalError } from 'headgate/sdk'
import { formatCsv } from './csv.ts'
import { round } from './statistics.ts'
import type { DistanceBand, TransformedRecord, Transformation } from './transform.ts'
import type { RuleCount } from './validate.ts'

export interface BandFigures {
  readonly band: DistanceBand
  readonly flights: number
  readonly miles: number
  /** Minutes, one decimal, each flight counted once. */
  readonly mean: number | null
}

export interface Reports {
  readonly json: {
    readonly executive_dashboard: {
      readonly flights: number
      readonly airports: number
      readonly on_time: number | null
      readonly p90_delay: number | null
    }
    readonly operational_metrics: readonly BandFigures[]
    readonly quality_report: {
      /** Share of the checked flights that passed all rules, 0 to 1. */
      readonly accepted: number | null
      readonly rules: readonly RuleCount[]
    }
    readonly performance_analytics: readonly TransformedRecord[]
  }
  readonly csv: string
  readonly markdown: string
}

const BANDS: readonly DistanceBand[] = ['short', 'medium', 'long']

/** Throws RECORDS_MISSING when transform_data of another version made the figures. */
export function generateReports(
  transformed: Partial<Transformation>,
  rules: readonly RuleCount[],
): Reports {
  const { transformed_records: records, overall } = transformed
  if (records === undefined || overall === undefined) {
    throw new TerminalError('RECORDS_MISSING', 'transform_data gave no transformed_records', {
      found: Object.keys(transformed),
    })
  }
  const json = {
    executive_dashboard: {
      flights: overall.flights,
      airports: new Set(records.map(({ airport }) => airport)).size,
      on_time: overall.on_time,
      p90_delay: overall.p90,
    },
    operational_metrics: BANDS.map((band) => bandFigures(band, records)),
    quality_report: { accepted: acceptedShare(rules), rules },
    performance_analytics: records,
  }
  return { json, csv: toCsv(records), markdown: toMarkdown(json) }
}

function bandFigures(band: DistanceBand, records: readonly TransformedRecord[]): BandFigures {
  let [flights, miles, minutes] = [0, 0, 0]
  for (const record of records) {
    if (record.band !== band) continue
    flights += record.flights
    miles += record.miles
    minutes += (record.mean ?? 0) * record.flights
  }
  return { band, flights, miles, mean: flights === 0 ? null : round(minutes / flights, 1) }
}

function acceptedShare(rules: readonly RuleCount[]): number | null {
  const checked = rules[0]?.checked ?? 0
  const refused = rules.reduce((total, rule) => total + rule.refused, 0)
  return checked === 0 ? null : round((checked - refused) / checked, 3)
}

function toCsv(records: readonly TransformedRecord[]): string {
  const rows = records.map((row) => [
    row.airport,
    row.city,
    row.state,
    row.band,
    row.flights,
    row.miles,
    row.mean ?? '',
    row.p90 ?? '',
    row.on_time ?? '',
  ])
  return formatCsv([
    ['airport', 'city', 'state', 'band', 'flights', 'miles', 'mean_delay', 'p90_delay', 'on_time'],
    ...rows,
  ])
}

function toMarkdown({ executive_dashboard, operational_metrics }: Reports['json']): string {
  const { flights, airports, on_time, p90_delay } = executive_dashboard
  const rows = operational_metrics.map(
    (row) => `| ${row.band} | ${row.flights} | ${row.miles} | ${row.mean ?? '-'} |`,
  )
  return [
    '# Flight performance',
    '',
    `${flights} flights from ${airports} airports: ${percent(on_time)} on time, nine of ten at ` +
      `most ${p90_delay ?? '-'} min late.`,
    '',
    '| distance | flights | miles | mean delay |',
    '| --- | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n')
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(share * 100).toFixed(1)} %`
}
