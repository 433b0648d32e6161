import { serveSample } from '../lib/sample.ts'
import { sampleMany } from './many.ts'

await serveSample(sampleMany)
