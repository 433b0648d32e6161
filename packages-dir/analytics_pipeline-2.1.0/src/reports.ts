/** generate_reports: the same figures as JSON, CSV and Markdown. */

import { TerminalError } from 'headgate/sdk'
import { formatCsv } from './csv.ts'
import type { AirportMetrics, AnalyticsMetrics, Transformation } from './transform.ts'
import type { RuleCount } from './validate.ts'

export interface Reports {
  readonly json: {
    readonly executive_summary: {
      readonly flights: number
      readonly on_time: number | null
      readonly mean_delay: number | null
      readonly worst_airport: string | null
    }
    readonly detailed_analytics: readonly AirportMetrics[]
    readonly operational_dashboard: {
      readonly accepted: number
      readonly refused: number
      readonly rules: readonly RuleCount[]
    }
    readonly trend_analysis: AnalyticsMetrics['days']
  }
  readonly csv: string
  readonly markdown: string
}

/** Throws METRICS_MISSING when transform_data of another version made the figures. */
export function generateReports(
  transformed: Partial<Transformation>,
  rules: readonly RuleCount[],
): Reports {
  const metrics = transformed.analytics_metrics
  if (metrics === undefined) {
    throw new TerminalError('METRICS_MISSING', 'transform_data gave no analytics_metrics', {
      found: Object.keys(transformed),
    })
  }
  const json = {
    executive_summary: {
      flights: metrics.total_records,
      on_time: metrics.delay_metrics.on_time,
      mean_delay: metrics.delay_metrics.mean,
      worst_airport: worstAirport(metrics.airports),
    },
    detailed_analytics: metrics.airports,
    operational_dashboard: {
      accepted: metrics.total_records,
      refused: rules.reduce((total, rule) => total + rule.refused, 0),
      rules,
    },
    trend_analysis: metrics.days,
  }
  return { json, csv: toCsv(metrics.airports), markdown: toMarkdown(json) }
}

/** By mean delay, among airports with enough flights to say so. */
function worstAirport(airports: readonly AirportMetrics[]): string | null {
  const ENOUGH = 3
  let worst: AirportMetrics | null = null
  for (const airport of airports) {
    if (airport.flights < ENOUGH) continue
    if (worst === null || (airport.mean ?? 0) > (worst.mean ?? 0)) worst = airport
  }
  return worst?.airport ?? null
}

function toCsv(airports: readonly AirportMetrics[]): string {
  const rows = airports.map((row) => [
    row.airport,
    row.city,
    row.state,
    row.flights,
    row.mean ?? '',
    row.p50 ?? '',
    row.p90 ?? '',
    row.on_time ?? '',
  ])
  return formatCsv([
    ['airport', 'city', 'state', 'flights', 'mean_delay', 'p50_delay', 'p90_delay', 'on_time'],
    ...rows,
  ])
}

function toMarkdown({
  executive_summary,
  detailed_analytics,
  trend_analysis,
}: Reports['json']): string {
  const { flights, on_time, mean_delay, worst_airport } = executive_summary
  const first = trend_analysis[0]?.day ?? 'no day'
  const last = trend_analysis.at(-1)?.day ?? 'no day'
  const rows = detailed_analytics
    .slice(0, 10)
    .map((row) => `| ${row.airport} ${row.city} | ${row.flights} | ${row.mean} | ${row.p90} |`)
  return [
    '# Flight delays',
    '',
    `${flights} flights from ${first} to ${last}: ${percent(on_time)} on time, mean delay ` +
      `${mean_delay ?? '-'} min, worst airport ${worst_airport ?? '-'}.`,
    '',
    '| airport | flights | mean | p90 |',
    '| --- | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n')
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(share * 100).toFixed(1)} %`
}
