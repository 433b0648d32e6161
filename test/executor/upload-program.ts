/** One upload into the folder of the first argument, as a program that can be limited as a whole. */

import { HeadgateError } from '../../src/base/errors.ts'
import { Uploads } from '../../src/executor/uploads.ts'

const uploads = new Uploads(process.argv[2] ?? '', {
  publish: ({ path }) => Promise.reject(new Error(`${path} was taken for whole`)),
})
const archive = async function* (): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(20_000)
}
uploads.open()
try {
  await uploads.publish({ tenant: 'public', package: 'p', version: '1.0.0', archive: archive() })
} catch (error) {
  const { code, message } = error instanceof HeadgateError ? error : { code: '', message: '' }
  process.stdout.write(JSON.stringify({ code, message, thrown: String(error) }))
}
