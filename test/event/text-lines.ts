import { Lines } from '../../src/event/lines.ts'

/** Event lines that stand in a text. */
export function linesOf(text: string, path: string): Lines {
  return Lines.fromBytes(Buffer.from(text), path)
}
