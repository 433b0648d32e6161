/** Columns aligned by their visible width; styles are put on after measuring. */

import type { Paint, Style } from './terminal.ts'

export interface Cell {
  readonly text: string
  readonly style?: Style
  /** Numbers. */
  readonly alignRight?: boolean
}

/** Lines without trailing blanks. `indent` in spaces. */
export function table(rows: readonly (readonly Cell[])[], paint: Paint, indent = 0): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.text.length)
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const blanks = ' '.repeat((widths[i] ?? 0) - cell.text.length)
      const text = cell.style === undefined ? cell.text : paint(cell.style, cell.text)
      return cell.alignRight === true ? blanks + text : text + blanks
    })
    return (' '.repeat(indent) + cells.join('  ')).trimEnd()
  })
}
