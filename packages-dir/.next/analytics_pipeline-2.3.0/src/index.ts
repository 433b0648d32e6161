import { definePackage, workflow } from 'headgate/sdk'

// Broken on purpose: generate_reports comes after transform_dta, which does not exist. An executor
// refuses this version with GRAPH_INVALID and goes on serving the one before. The compiler refuses
// it as well; the line below keeps it quiet, as a package in plain JavaScript would.
export default definePackage({
  description: 'Real-time analytics and data processing pipeline',
  workflows: [
    workflow('analytics_workflow')
      .task('extract_data', { run: () => ({ extracted_records: [] }) })
      .task('transform_data', { after: ['extract_data'], run: () => ({ transformed_records: [] }) })
      // @ts-expect-error: no task transform_dta
      .task('generate_reports', { after: ['transform_dta'], run: () => ({ json: {} }) }),
  ],
})
