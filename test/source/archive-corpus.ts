/** Hostile archives, manifests and names, each with the code it must be refused with. */

import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { ErrorCode } from '../../src/base/errors.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { type Files, packageFiles, packed } from './drops.ts'
import { END, FLAG, pax, type TarEntry, tarEntry, tarOf, tgz, tgzOf } from './tar-bytes.ts'

export interface Hostile {
  readonly what: string
  readonly code: ErrorCode
  readonly bytes: Buffer
}

const MIB = 1_048_576
const good = packageFiles('alpha', '1.0.0', { 'src/a.ts': 'export const a = 1\n' })
const goodTar = tarOf(good)
const goodTgz = gzipSync(goodTar)
const goodEntries = goodTar.subarray(0, -END.length)

/** A good package with more entries behind its own. */
function plus(...more: readonly (Buffer | TarEntry)[]): Buffer {
  return tgz(goodEntries, ...more, END)
}

function path(code: ErrorCode, ...paths: readonly string[]): Hostile[] {
  return paths.map((one) => ({
    what: `a file at ${JSON.stringify(one.slice(0, 40))}`,
    code,
    bytes: plus(one.length > 100 ? pax({ path: one }) : Buffer.alloc(0), { path: one, body: 'x' }),
  }))
}

function entry(what: string, code: ErrorCode, ...more: readonly (Buffer | TarEntry)[]): Hostile {
  return { what, code, bytes: plus(...more) }
}

function manifest(what: string, code: ErrorCode, files: Files): Hostile {
  return { what: `a manifest ${what}`, code, bytes: tgzOf(files) }
}

function manifestText(what: string, text: string): Hostile {
  return manifest(what, 'MANIFEST_INVALID', { ...good, [MANIFEST_FILE]: text })
}

function manifestFor(what: string, files: readonly object[], more: object = {}): Hostile {
  return manifestText(what, JSON.stringify({ contract: 1, files, ...more }))
}

/** package.json alone is odd. */
function identity(what: string, code: ErrorCode, json: unknown): Hostile {
  const text = typeof json === 'string' ? json : JSON.stringify(json)
  return {
    what: `package.json with ${what}`,
    code,
    bytes: tgzOf(packed({ ...good, 'package.json': text })),
  }
}

function flip(bytes: Buffer, at: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes)
  const index = at < 0 ? copy.length + at : at
  copy.writeUInt8(copy.readUInt8(index) ^ mask, index)
  return copy
}

const listed = Object.entries(good).map(([name, text]) => ({
  path: name,
  size: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('hex'),
}))
const [first, ...others] = listed

const folders = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, at) =>
      tarEntry({ path: `package/f${at}/`, flag: FLAG.folder }),
    ),
  )
const files = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, at) => tarEntry({ path: `package/f${at}`, body: `${at}` })),
  )
/** Does not compress: the ratio stays low. */
const noise = (length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  let state = 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

export const CORPUS: readonly Hostile[] = [
  // Paths
  ...path(
    'ARCHIVE_PATH_UNSAFE',
    '../escape',
    'package/../../escape',
    'package/src/../../../escape',
    'package/..',
    '/etc/escape',
    '//escape',
    'package//double.js',
    './package/dot.js',
    'package/./dot.js',
    'C:/windows.js',
    'package\\..\\escape',
    'package/a\\b.js',
    'package/bell\u0007.js',
    'package/new\nline.js',
    'package/\u001b[31mred.js',
    'package/del\u007f.js',
  ),
  entry('a name that is not UTF-8', 'ARCHIVE_PATH_UNSAFE', {
    path: Buffer.from([...Buffer.from('package/'), 0xff, 0xfe]),
  }),
  entry('an extended header that leads out', 'ARCHIVE_PATH_UNSAFE', pax({ path: '../../out' }), {
    path: 'package/fine',
  }),
  entry(
    'a long GNU name that leads out',
    'ARCHIVE_PATH_UNSAFE',
    { path: '././@LongLink', flag: FLAG.longPath, body: '/tmp/out\0' },
    { path: 'package/fine' },
  ),
  entry('a folder that leads out', 'ARCHIVE_PATH_UNSAFE', {
    path: 'package/../out/',
    flag: FLAG.folder,
  }),
  ...path('ARCHIVE_PATH_TOO_LONG', `package/${'x'.repeat(256)}`, `package/${'é'.repeat(128)}`),
  ...path('ARCHIVE_PATH_TOO_DEEP', `package/${'d/'.repeat(16)}f`),
  entry('a folder too deep', 'ARCHIVE_PATH_TOO_DEEP', {
    path: `package/${'d/'.repeat(17)}`,
    flag: FLAG.folder,
  }),
  ...path('FILE_REFUSED', 'package/.headgate-stripped/index.ts', 'package/.headgate-stripped.json'),
  ...path('ARCHIVE_TOP_FOLDER', 'other/index.js', 'Package/index.js', 'stray.js'),
  {
    what: 'no top folder',
    code: 'ARCHIVE_TOP_FOLDER',
    bytes: tgz({ path: 'package.json', body: '{}' }, END),
  },

  // Types and modes
  entry('a symbolic link', 'ARCHIVE_LINK', {
    path: 'package/l',
    flag: FLAG.symbolicLink,
    linkpath: 'src',
  }),
  entry('a symbolic link that leads out', 'ARCHIVE_LINK', {
    path: 'package/l',
    flag: FLAG.symbolicLink,
    linkpath: '../../../etc',
  }),
  entry(
    'a write through a symbolic link',
    'ARCHIVE_LINK',
    { path: 'package/l', flag: FLAG.symbolicLink, linkpath: '/tmp' },
    { path: 'package/l/escape', body: 'x' },
  ),
  entry('a symbolic link in .git', 'ARCHIVE_LINK', {
    path: 'package/.git/l',
    flag: FLAG.symbolicLink,
    linkpath: '/',
  }),
  entry('a hard link', 'ARCHIVE_LINK', {
    path: 'package/l',
    flag: FLAG.hardLink,
    linkpath: 'package/package.json',
  }),
  entry('a hard link that leads out', 'ARCHIVE_LINK', {
    path: 'package/l',
    flag: FLAG.hardLink,
    linkpath: '/etc/passwd',
  }),
  entry('a link without a target', 'ARCHIVE_HEADER_INVALID', {
    path: 'package/l',
    flag: FLAG.symbolicLink,
  }),
  entry('a file with a link target', 'ARCHIVE_HEADER_INVALID', {
    path: 'package/l',
    linkpath: '/etc/passwd',
  }),
  ...(['characterDevice', 'blockDevice', 'fifo', 'contiguous', 'sparse'] as const).map((type) =>
    entry(`an entry of type ${type}`, 'ARCHIVE_SPECIAL_FILE', {
      path: 'package/odd',
      flag: FLAG[type],
    }),
  ),
  entry('an entry of a type nobody knows', 'ARCHIVE_SPECIAL_FILE', {
    path: 'package/odd',
    flag: 'Z',
  }),
  entry(
    'a link target in an extended header',
    'ARCHIVE_HEADER_INVALID',
    pax({ type: 'SymbolicLink', linkpath: '/etc' }),
    { path: 'package/odd', body: 'x' },
  ),
  ...[0o4755, 0o2755, 0o1777].map((mode) =>
    entry(`mode ${mode.toString(8)}`, 'ARCHIVE_MODE', { path: 'package/odd', mode }),
  ),
  entry('a setgid folder', 'ARCHIVE_MODE', { path: 'package/d/', flag: FLAG.folder, mode: 0o2755 }),

  // Names that meet
  entry('a file twice', 'ARCHIVE_DUPLICATE', { path: 'package/src/a.ts', body: 'evil' }),
  entry('package.json twice', 'ARCHIVE_DUPLICATE', { path: 'package/package.json', body: '{}' }),
  entry(
    'a folder twice',
    'ARCHIVE_DUPLICATE',
    { path: 'package/d/', flag: FLAG.folder },
    { path: 'package/d/', flag: FLAG.folder },
  ),
  entry('a file below a file', 'ARCHIVE_DUPLICATE', { path: 'package/src/a.ts/b.ts' }),
  entry('a folder in the place of a file', 'ARCHIVE_DUPLICATE', {
    path: 'package/src/a.ts/',
    flag: FLAG.folder,
  }),
  entry('a file in the place of a folder', 'ARCHIVE_DUPLICATE', { path: 'package/src' }),
  entry('case twins', 'ARCHIVE_NAME_TWIN', { path: 'package/src/A.ts' }),
  entry('case twins of folders', 'ARCHIVE_NAME_TWIN', { path: 'package/SRC/b.ts' }),
  entry(
    'Unicode twins',
    'ARCHIVE_NAME_TWIN',
    { path: 'package/é.ts' },
    { path: 'package/e\u0301.ts' },
  ),

  // Amounts
  { what: 'too many files', code: 'ARCHIVE_TOO_MANY_FILES', bytes: plus(files(10_000), END) },
  { what: 'too many folders', code: 'ARCHIVE_TOO_MANY_FILES', bytes: plus(folders(10_001), END) },
  entry('a file that says it is huge', 'ARCHIVE_TOO_LARGE', { path: 'package/x', size: 257 * MIB }),
  entry(
    'a size that an extended header makes huge',
    'ARCHIVE_TOO_LARGE',
    pax({ size: String(300 * MIB) }),
    { path: 'package/x' },
  ),
  entry('a size with a fraction', 'ARCHIVE_HEADER_INVALID', pax({ size: '1.5' }), {
    path: 'package/x',
    body: 'x',
  }),
  entry('zeros', 'ARCHIVE_BOMB', { path: 'package/x', body: Buffer.alloc(20 * MIB) }),
  entry(
    'zeros behind noise',
    'ARCHIVE_BOMB',
    { path: 'package/n', body: noise(20_000) },
    {
      path: 'package/x',
      body: Buffer.alloc(20 * MIB),
    },
  ),
  {
    what: 'zeros behind the end mark',
    code: 'ARCHIVE_BOMB',
    bytes: gzipSync(Buffer.concat([goodTar, Buffer.alloc(20 * MIB)])),
  },
  {
    what: 'empty extended headers without end',
    code: 'ARCHIVE_BOMB',
    bytes: plus(
      Buffer.concat(
        Array.from({ length: 20_000 }, () => tarEntry({ path: 'p', flag: FLAG.extended })),
      ),
      END,
    ),
  },
  entry('an extended header of 2 MiB', 'ARCHIVE_HEADER_INVALID', {
    path: 'PaxHeader',
    flag: FLAG.extended,
    body: noise(2 * MIB),
  }),
  {
    what: 'much behind the end mark',
    code: 'ARCHIVE_CORRUPT',
    bytes: gzipSync(Buffer.concat([goodTar, noise(40_000)])),
  },

  // Bytes
  { what: 'nothing', code: 'ARCHIVE_TRUNCATED', bytes: Buffer.alloc(0) },
  { what: 'one byte', code: 'ARCHIVE_TRUNCATED', bytes: Buffer.from([0x1f]) },
  { what: 'the gzip magic alone', code: 'ARCHIVE_TRUNCATED', bytes: goodTgz.subarray(0, 2) },
  { what: 'text', code: 'ARCHIVE_NOT_GZIP', bytes: Buffer.from('not an archive\n') },
  { what: 'a bare tar', code: 'ARCHIVE_NOT_GZIP', bytes: goodTar },
  { what: 'a zip', code: 'ARCHIVE_NOT_GZIP', bytes: Buffer.from('PK\u0003\u0004') },
  { what: 'zstd', code: 'ARCHIVE_NOT_GZIP', bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]) },
  { what: 'an unknown compression method', code: 'ARCHIVE_CORRUPT', bytes: flip(goodTgz, 2) },
  {
    what: 'a flipped bit in the middle',
    code: 'ARCHIVE_CORRUPT',
    bytes: flip(
      gzipSync(
        Buffer.concat([goodEntries, tarEntry({ path: 'package/n', body: noise(9_000) }), END]),
      ),
      4_000,
    ),
  },
  { what: 'a wrong gzip checksum', code: 'ARCHIVE_CORRUPT', bytes: flip(goodTgz, -8) },
  { what: 'a wrong gzip length', code: 'ARCHIVE_CORRUPT', bytes: flip(goodTgz, -1) },
  {
    what: 'a gzip cut in half',
    code: 'ARCHIVE_TRUNCATED',
    bytes: goodTgz.subarray(0, goodTgz.length >> 1),
  },
  {
    what: 'a gzip without its last byte',
    code: 'ARCHIVE_TRUNCATED',
    bytes: goodTgz.subarray(0, -1),
  },
  {
    what: 'rubbish behind gzip',
    code: 'ARCHIVE_CORRUPT',
    bytes: Buffer.concat([goodTgz, Buffer.from('rubbish')]),
  },
  {
    what: 'a tar cut in a file',
    code: 'ARCHIVE_TRUNCATED',
    bytes: gzipSync(goodTar.subarray(0, 700)),
  },
  { what: 'a tar without its end mark', code: 'ARCHIVE_TRUNCATED', bytes: gzipSync(goodEntries) },
  { what: 'gzip of text', code: 'ARCHIVE_HEADER_INVALID', bytes: gzipSync('no tar\n'.repeat(200)) },
  { what: 'gzip of a few letters', code: 'ARCHIVE_HEADER_INVALID', bytes: gzipSync('no tar') },
  entry('a header with a wrong checksum', 'ARCHIVE_HEADER_INVALID', {
    path: 'package/x',
    spoil: (header) => void header.write('y', 8),
  }),
  entry('a header without a path', 'ARCHIVE_HEADER_INVALID', { path: '' }),

  // Manifests
  manifestText('that is no JSON', '{"contract": 1, "fil'),
  manifestText('that is no object', '[]'),
  { ...manifestFor('of another contract', listed, { contract: 2 }), code: 'CONTRACT_UNSUPPORTED' },
  manifestFor('without files', []),
  manifestFor('that lists itself', [
    ...listed,
    { path: MANIFEST_FILE, size: 1, sha256: 'a'.repeat(64) },
  ]),
  manifestFor('that leads out', [...listed, { path: '../x', size: 1, sha256: 'a'.repeat(64) }]),
  manifestFor('that lists a file twice', [...listed, first ?? {}]),
  manifestFor('with a negative size', [{ ...first, size: -1 }, ...others]),
  manifestFor('with half a sha-256', [{ ...first, sha256: 'abc' }, ...others]),
  manifestFor('with a source digest that is none', listed, { sourceDigest: 'x' }),
  manifestText('of more than 1 MiB', JSON.stringify(noise(MIB).toString('base64'))),
  manifest('without one of the files', 'MANIFEST_MISMATCH', {
    ...packed(good),
    'src/extra.ts': 'export {}\n',
  }),
  manifest('with a file too many', 'MANIFEST_MISMATCH', {
    ...good,
    [MANIFEST_FILE]: packed({ ...good, 'src/gone.ts': '' })[MANIFEST_FILE] ?? '',
  }),
  manifest('over other bytes of the same size', 'MANIFEST_MISMATCH', {
    ...packed(good),
    'src/a.ts': 'export const a = 2\n',
  }),
  manifest('over other bytes', 'MANIFEST_MISMATCH', { ...packed(good), 'src/a.ts': 'changed' }),

  // Names
  { what: 'no package.json', code: 'PACKAGE_JSON_MISSING', bytes: tgzOf({ 'index.js': '' }) },
  identity('no JSON', 'PACKAGE_JSON_INVALID', '{'),
  identity('no name', 'PACKAGE_JSON_INVALID', { version: '1.0.0' }),
  ...['__proto__', 'Alpha', 'al::pha', '../alpha', '@acme/__proto__', 'аlpha'].map((name) =>
    identity(`the name ${JSON.stringify(name)}`, 'PACKAGE_JSON_INVALID', {
      name,
      version: '1.0.0',
    }),
  ),
  ...['v1.2.3', '1.2.3\n', ' 1.2.3', '1.2.3+build', '1.2', '99999999999999999999.0.0'].map(
    (version) =>
      identity(`the version ${JSON.stringify(version)}`, 'VERSION_INVALID', {
        name: 'alpha',
        version,
      }),
  ),
  identity('an entry that is not there', 'ENTRY_MISSING', {
    name: 'alpha',
    version: '1.0.0',
    headgate: { entry: 'src/gone.ts' },
  }),
]
