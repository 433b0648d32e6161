// Runs at the end of `npm ci`, on whichever Node runs npm's scripts. Plain JavaScript on purpose.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')

// The sample packages import `headgate/sdk` by the name their users write.
const self = join(root, 'node_modules', 'headgate')
mkdirSync(join(root, 'node_modules'), { recursive: true })
if (!lstatSync(self, { throwIfNoEntry: false })) symlinkSync('..', self, 'junction')

// tap bakes the list of its plugins once; without dev dependencies there is no tap.
const tap = join(root, 'node_modules', '.bin', 'tap')
if (existsSync(tap)) {
  const built = spawnSync(tap, ['build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (built.status !== 0) process.exit(built.status ?? 1)
}
