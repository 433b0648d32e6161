import { workflow } from 'headgate/sdk'
import { createCampaigns } from './campaigns.ts'
import { marketingInput } from './input.ts'
import { segmentCustomers } from './segments.ts'

export const marketingWorkflow = workflow('marketing_workflow', {
  description: 'Customer segments and a personal campaign for each',
  input: marketingInput,
})
  .task('segment_customers', {
    retry: { attempts: 2 },
    timeout: '10s',
    pure: true,
    run: (_, { input }) => segmentCustomers(input.today),
  })
  .task('create_campaigns', {
    after: ['segment_customers'],
    retry: { attempts: 3 },
    pure: true,
    run: ({ segment_customers }, { input }) => createCampaigns(segment_customers, input),
  })
