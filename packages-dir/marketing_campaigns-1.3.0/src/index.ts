import { definePackage } from 'headgate/sdk'
import { marketingWorkflow } from './workflow.ts'

export default definePackage({
  description: 'Automated marketing campaign management',
  workflows: [marketingWorkflow],
})
