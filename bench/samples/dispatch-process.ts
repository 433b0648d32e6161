import { serveSample } from '../lib/sample.ts'
import { sampleDispatch } from './dispatch.ts'

await serveSample(sampleDispatch)
