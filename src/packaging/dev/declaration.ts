/** Finds where something is declared in source text, by the names around it. Pure. */

export interface Declaration {
  readonly file: string
  /** From 1, both. */
  readonly line: number
  readonly column: number
}

export interface Needle {
  /** How it is written: `workflow('x'`, `task('x'`, `x:` or `"x":`, or a text on its own. */
  readonly kind: 'workflow' | 'task' | 'key' | 'text'
  readonly name: string
}

interface Spot {
  readonly file: string
  readonly text: string
  readonly at: number
}

/**
 * The place of the last needle that is found, each looked for behind the one before and, where it is
 * not there, anywhere; null: none is found.
 */
export function declarationOf(
  needles: readonly Needle[],
  files: readonly string[],
  read: (file: string) => string,
): Declaration | null {
  const texts = needles.length === 0 ? [] : files.map((file) => ({ file, text: read(file) }))
  let spot: Spot | null = null
  for (const needle of needles) spot = behind(spot, needle) ?? anywhere(texts, needle) ?? spot
  if (spot === null) return null
  const before = spot.text.slice(0, spot.at).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  return { file: spot.file, line: before.length, column }
}

function behind(spot: Spot | null, needle: Needle): Spot | null {
  if (spot === null) return null
  const at = find(spot.text, needle, spot.at + 1)
  return at === -1 ? null : { ...spot, at }
}

function anywhere(
  texts: readonly { readonly file: string; readonly text: string }[],
  needle: Needle,
): Spot | null {
  for (const one of texts) {
    const at = find(one.text, needle, 0)
    if (at !== -1) return { ...one, at }
  }
  return null
}

/** Index of the name's first character. */
function find(text: string, { kind, name }: Needle, from: number): number {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const quoted = `['"\`](?<name>${escaped})['"\`]`
  const patterns = {
    workflow: `\\bworkflow(?:<[^(]*>)?\\(\\s*${quoted}`,
    task: `\\btask\\(\\s*${quoted}`,
    key: `['"]?(?<![\\w$])(?<name>${escaped})['"]?\\s*:`,
    text: quoted,
  }
  const pattern = new RegExp(patterns[kind], 'gd')
  pattern.lastIndex = from
  return pattern.exec(text)?.indices?.groups?.['name']?.[0] ?? -1
}
