import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Uploads } from '../../src/executor/uploads.ts'
import { failure } from './helpers.ts'

const PROGRAM = fileURLToPath(new URL('./upload-program.ts', import.meta.url))

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-uploads-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

t.test('a body of which the disk takes only a part is not taken for whole', (t) => {
  const dir = folder(t)
  // 8 blocks of 512 bytes: the first write ends short and without an error, as on a full disk. The
  // environment is emptied last: what a test runner adds would write files of its own.
  const script = 'ulimit -f 8 && exec env -i "$0" "$@"'
  const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, PROGRAM, dir], {
    encoding: 'utf8',
  })
  t.equal(stderr, '')
  t.match(JSON.parse(stdout), { code: 'PUBLISH_FAILED', message: /EFBIG/ })
  t.same(readdirSync(dir), [])
  t.end()
})

t.test(
  'a folder that is gone is a fault of the disk, and one of the body stays its own',
  async (t) => {
    const dir = join(folder(t), 'gone')
    const uploads = new Uploads(dir, { publish: () => Promise.reject(new Error('it was placed')) })
    const broken = new Error('the body broke off')
    const archive = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1)
      throw broken
    }
    const publication = { tenant: 'public', package: 'p', version: '1.0.0' }
    const publish = (): Promise<unknown> => uploads.publish({ ...publication, archive: archive() })
    t.match(await failure(publish()), { code: 'PUBLISH_FAILED', message: /ENOENT/ })
    uploads.open()
    await t.rejects(publish(), broken)
    t.same(readdirSync(dir), [])
  },
)
