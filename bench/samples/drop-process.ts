import { serveSample } from '../lib/sample.ts'
import { sampleDrop } from './drop.ts'

await serveSample(sampleDrop)
