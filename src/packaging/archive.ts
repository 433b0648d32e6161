/**
 * Writes the `.tgz` of a packed folder: npm's layout, and the same bytes wherever it is written.
 *
 * R1  Entries are in the order of their paths; there are no entries of folders.
 * R2  Times, owners and modes are the same for all; the gzip header names no time and no system.
 * R3  The archive appears by one rename: nobody finds half of one.
 */

import { chmodSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { create } from 'tar'

/** npm's own: the first day that a zip file can hold, in whatever time zone. */
const MTIME = new Date('1985-10-26T08:15:00.000Z')
const MODE = 0o644

/** `files` are relative to `folder`; the archive has them below `package/`. */
export async function writeArchive(
  folder: string,
  files: readonly string[],
  target: string,
): Promise<void> {
  const temp = join(dirname(target), `.${randomUUID()}.part`)
  for (const file of files) chmodSync(join(folder, file), MODE)
  try {
    await create(
      {
        file: temp,
        cwd: folder,
        prefix: 'package',
        portable: true,
        gzip: { level: 9 },
        mtime: MTIME,
        strict: true,
        noDirRecurse: true,
        // tar looks a path up that begins with @ in an archive of that name.
      },
      files.toSorted().map((file) => `./${file}`),
    )
    renameSync(temp, target)
  } catch (fault) {
    rmSync(temp, { force: true })
    throw fault
  }
}
