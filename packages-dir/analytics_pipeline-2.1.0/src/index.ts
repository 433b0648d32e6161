import { definePackage } from 'headgate/sdk'
import { tables } from './tables.ts'
import { analyticsWorkflow } from './workflow.ts'

export default definePackage({
  description: 'Real-time analytics and data processing pipeline',
  workflows: [analyticsWorkflow],
  // Read before this version serves, not by its first caller.
  setup: () => tables(),
})
