// Runs at the end of `npm ci`, on whichever Node runs npm's scripts. Plain JavaScript on purpose.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')

// npm runs it as well for a package elsewhere that links to this repository: nothing to do then.
const project = process.env['npm_config_local_prefix']
if (project !== undefined && realpathSync(project) !== realpathSync(root)) process.exit()

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
