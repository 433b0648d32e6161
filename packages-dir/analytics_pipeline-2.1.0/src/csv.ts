/** CSV as this package's files and reports need it: commas, double quotes, one line a row. */

export function parseCsv(text: string): readonly (readonly string[])[] {
  return text.trimEnd().split('\n').map(splitLine)
}

function splitLine(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',')
  const cells = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? []
  // The pattern also matches the empty rest behind the last cell.
  return cells.slice(0, -1).map((cell) => {
    const bare = cell.endsWith(',') ? cell.slice(0, -1) : cell
    return bare.startsWith('"') ? bare.slice(1, -1).replaceAll('""', '"') : bare
  })
}

export function formatCsv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => `${row.map(formatCell).join(',')}\n`).join('')
}

function formatCell(cell: string | number): string {
  const text = String(cell)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
