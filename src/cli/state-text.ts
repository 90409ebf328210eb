import { cutTo, fillTo, jsonLine, printable, widthOf } from './terminal-text.ts'

const WIDEST_KEY = 40

/** A plain state as lines: an entry a line where it has entries, else its JSON. Cut to a width, if given. */
export function stateLines(state: unknown, width?: number): string[] {
  const fit = (text: string) => (width === undefined ? text : cutTo(width, text))
  if (typeof state !== 'object' || state === null) return [fit(scalarText(state))]
  if (Array.isArray(state)) return state.length === 0 ? ['(empty)'] : state.map((one) => fit(scalarText(one)))
  const entries = Object.entries(state).map(([key, value]) => [printable(key), scalarText(value)] as const)
  if (entries.length === 0) return ['(empty)']
  const widest = Math.min(
    WIDEST_KEY,
    entries.reduce((most, [key]) => Math.max(most, widthOf(key)), 0),
  )
  return entries.map(([key, value]) => fit(`${fillTo(widest, key)}  ${value}`))
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? printable(value) : jsonLine(value)
}
