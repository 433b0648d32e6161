import { definePackage } from 'headgate/sdk'
import { analyticsWorkflow } from './workflow.ts'

export default definePackage({
  description: 'Real-time analytics and data processing pipeline',
  workflows: [analyticsWorkflow],
})
