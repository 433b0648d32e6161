/** Tables for people: columns padded, numbers to the right. */

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

export function formatTable(table: Table): string {
  const cells = table.rows.map((row) => row.map(formatCell))
  const widths = table.columns.map((column, at) =>
    Math.max(column.length, ...cells.map((row) => (row[at] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width))
  return [table.title, ...[table.columns, rule, ...cells].map((row) => `  ${line(row)}`)].join('\n')
}

function formatCell(cell: string | number): string {
  return typeof cell === 'string' ? cell : formatNumber(cell)
}

/** Three significant figures below 1000, whole numbers with thousands separated above. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return '-'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)))
}
