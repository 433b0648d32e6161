import { workflow } from 'headgate/sdk'
import { extract } from './extract.ts'
import { analyticsInput } from './input.ts'
import { generateReports } from './reports.ts'
import { transform } from './transform.ts'
import { validateFlights } from './validate.ts'

export const analyticsWorkflow = workflow('analytics_workflow', {
  description: 'Flight delays: extract, validate, transform, report',
  input: analyticsInput,
})
  .task('extract_data', {
    retry: { attempts: 3, backoff: 'exponential' },
    timeout: '10s',
    run: (_, { input, log }) => {
      const extraction = extract(input)
      log.debug({ ...extraction.sources }, 'extracted')
      return extraction
    },
  })
  .task('validate_data', {
    after: ['extract_data'],
    retry: { attempts: 2, backoff: 'linear' },
    pure: true,
    run: ({ extract_data }) => validateFlights(extract_data.extracted_records),
  })
  .task('transform_data', {
    after: ['validate_data'],
    retry: { attempts: 3, backoff: 'exponential' },
    pure: true,
    run: ({ validate_data }) => transform(validate_data.valid_records),
  })
  .task('generate_reports', {
    after: ['transform_data', 'validate_data'],
    retry: { attempts: 2, backoff: 'fixed' },
    pure: true,
    run: ({ transform_data, validate_data }) =>
      generateReports(transform_data, validate_data.rules),
  })
