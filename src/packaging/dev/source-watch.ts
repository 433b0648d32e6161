/** File events of a source folder, as hints and nothing more (chokidar). */

import { relative, sep } from 'node:path'
import { watch } from 'chokidar'
import { isIgnored } from './source-tree.ts'

export interface SourceWatch {
  close(): Promise<void>
}

/** Raw events are taken too: they come before chokidar has listed and compared. */
export function watchSource(dir: string, hint: () => void): SourceWatch {
  let open = true
  const tell = (): void => {
    if (open) hint()
  }
  const watcher = watch(dir, {
    followSymlinks: false,
    ignoreInitial: true,
    atomic: false,
    ignored: (path) => {
      const name = relative(dir, path).split(sep).join('/')
      return name !== '' && !name.startsWith('..') && isIgnored(name)
    },
  })
  watcher.on('all', tell)
  watcher.on('raw', tell)
  // What was changed before the watches stood has made no event.
  watcher.on('ready', tell)
  // Without watches the looks by themselves go on (hints.ts).
  watcher.on('error', tell)
  return {
    close() {
      open = false
      return watcher.close()
    },
  }
}
