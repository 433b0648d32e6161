/** Tar and gzip written by hand: also what no tool writes. */

import { gzipSync } from 'node:zlib'

const BLOCK = 512

/** Type flags of ustar. */
export const FLAG = {
  file: '0',
  hardLink: '1',
  symbolicLink: '2',
  characterDevice: '3',
  blockDevice: '4',
  folder: '5',
  fifo: '6',
  contiguous: '7',
  global: 'g',
  extended: 'x',
  longPath: 'L',
  sparse: 'S',
} as const

export interface TarEntry {
  readonly path: string | Buffer
  readonly flag?: string
  readonly body?: string | Buffer
  readonly mode?: number
  readonly linkpath?: string
  /** What the header says; default: the length of the body. */
  readonly size?: number
  /** Changes the header after its checksum was made. */
  readonly spoil?: (header: Buffer) => void
}

export function tarEntry(entry: TarEntry): Buffer {
  const body = Buffer.from(entry.body ?? '')
  const header = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
  }
  header.set(Buffer.from(entry.path).subarray(0, 100), 0)
  octal(entry.mode ?? 0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(entry.size ?? body.length, 124, 12)
  octal(499_162_500, 136, 12)
  header.write(entry.flag ?? FLAG.file, 156, 'latin1')
  header.write(entry.linkpath ?? '', 157, 100, 'utf8')
  header.write('ustar\u000000', 257, 'latin1')
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  entry.spoil?.(header)
  return Buffer.concat([header, body, padding(body.length)])
}

/** An extended header for the entry that follows. */
export function pax(
  values: Readonly<Record<string, string>>,
  flag: string = FLAG.extended,
): Buffer {
  const lines = Object.entries(values).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`
    const length = Buffer.byteLength(rest)
    const digits = String(length + String(length).length).length
    return `${length + digits}${rest}`
  })
  return tarEntry({ path: 'PaxHeader', flag, body: lines.join('') })
}

function padding(length: number): Buffer {
  return Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK)
}

/** The end mark. */
export const END: Buffer = Buffer.alloc(2 * BLOCK)

/** As `npm pack` lays them: every file below `package/`, package.json first. */
export function tarOf(files: Readonly<Record<string, string | Buffer>>, top = 'package'): Buffer {
  const names = Object.keys(files).sort((a, b) => rank(a) - rank(b))
  const entries = names.map((path) => {
    const name = `${top}/${path}`
    const long = Buffer.byteLength(name) > 100
    const entry = tarEntry({ path: name, body: files[path] ?? '' })
    return long ? Buffer.concat([pax({ path: name }), entry]) : entry
  })
  return Buffer.concat([...entries, END])
}

function rank(path: string): number {
  return path === 'package.json' ? 0 : 1
}

export function tgz(...parts: readonly (Buffer | TarEntry)[]): Buffer {
  return gzipSync(
    Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : tarEntry(part)))),
  )
}

export function tgzOf(files: Readonly<Record<string, string | Buffer>>, top?: string): Buffer {
  return gzipSync(tarOf(files, top))
}
