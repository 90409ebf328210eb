import { expect, test } from 'vitest'
import { tableLines } from '../../src/cli/table.ts'
import { widthOf } from '../../src/cli/terminal-text.ts'

const COLUMNS = [
  { title: 'NAME', gives: true },
  { title: 'SIZE', align: 'right' as const },
]

test('columns are as wide as what they hold', () => {
  expect(
    tableLines(COLUMNS, [
      ['a', 1],
      ['account', 23],
    ]),
  ).toEqual(['NAME     SIZE', 'a           1', 'account    23'])
})

test('the titles stand alone where there are no rows', () => {
  expect(tableLines(COLUMNS, [])).toEqual(['NAME  SIZE'])
})

test('a column gives way to fit a terminal, and stays whole in a pipe', () => {
  const rows = [['n'.repeat(100), 1]]
  expect(Math.max(...tableLines(COLUMNS, rows, 80).map(widthOf))).toBe(80)
  expect(tableLines(COLUMNS, rows)[1]).toContain('n'.repeat(100))
})

test('cells cannot write to the terminal', () => {
  expect(tableLines(COLUMNS, [['\u001b[2J', 1]])[1]).toBe('\\u001b[2J     1')
})
