import { lowerHelperThreads } from '../../src/cli/helper-threads.ts'
import { serveSample } from '../lib/sample.ts'
import { sampleSwap } from './swap.ts'

// As `headgate start` does.
lowerHelperThreads()
await serveSample(sampleSwap)
