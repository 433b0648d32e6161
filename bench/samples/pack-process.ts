import { serveSample } from '../lib/sample.ts'
import { samplePack } from './pack.ts'

await serveSample(samplePack)
