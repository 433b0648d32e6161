import { serveSample } from '../lib/sample.ts'
import { sampleSwap } from './swap.ts'

await serveSample(sampleSwap)
