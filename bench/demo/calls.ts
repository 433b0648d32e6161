/** The calls of the demo, by weight. Task calls bring what the task's dependencies would have. */

import type { Call } from './traffic.ts'

export const PACKAGE = 'analytics_pipeline'
const ANALYTICS = `public::${PACKAGE}::analytics_workflow`

const LATE_FLIGHT = {
  date: '2001/01/26 08:30',
  delay: 12,
  distance: 337,
  origin: 'LAX',
  destination: 'SFO',
}

export const CALLS: readonly Call[] = [
  {
    package: PACKAGE,
    namespace: ANALYTICS,
    body: JSON.stringify({ limit: 50, late: [LATE_FLIGHT] }),
    tasks: 4,
    weight: 4,
  },
  {
    package: PACKAGE,
    namespace: `${ANALYTICS}::extract_data`,
    body: JSON.stringify({ input: { origin: 'LAX', limit: 20 } }),
    tasks: 1,
    weight: 3,
  },
  {
    package: PACKAGE,
    namespace: `${ANALYTICS}::validate_data`,
    body: JSON.stringify({ input: {}, deps: { extract_data: { extracted_records: [] } } }),
    tasks: 1,
    weight: 3,
  },
  {
    package: 'marketing_campaigns',
    namespace: 'public::marketing_campaigns::marketing_workflow',
    body: '{}',
    tasks: 2,
    weight: 1,
  },
]
