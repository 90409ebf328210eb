import { cutTo, fillTo, printable, widthOf } from './terminal-text.ts'

/** A column: its title, and where its cells stand. */
export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** It gives way where a terminal is too narrow. */
  readonly gives?: boolean
}

const GAP = '  '
const NARROWEST = 8

/**
 * The lines of a table, titles first, columns two spaces apart. With a width, the columns that give way are
 * cut so that lines fit in it; without one nothing is cut.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
  width?: number,
): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(String).map(printable))]
  const widths = columns.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[column] ?? '')), 0),
  )
  if (width !== undefined) narrow(columns, widths, width)
  return cells.map((row) =>
    columns
      .map(({ align = 'left' }, column) => {
        const cell = cutTo(widths[column]!, row[column] ?? '')
        return fillTo(widths[column]!, cell, align === 'left' ? 'right' : 'left')
      })
      .join(GAP)
      .trimEnd(),
  )
}

function narrow(columns: readonly Column[], widths: number[], width: number): void {
  let excess = widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length) - width
  for (const [column, { gives }] of columns.entries()) {
    if (!gives || excess <= 0) continue
    const cut = Math.min(excess, Math.max(0, widths[column]! - NARROWEST))
    widths[column]! -= cut
    excess -= cut
  }
}
