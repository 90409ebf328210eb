import type { NewEvent } from '../../src/event/event.ts'
import { JsonWriter } from '../../src/event/json-writer.ts'
import { type PreparedEvent, prepareEvents, writeLine } from '../../src/event/new-event.ts'

/** The line of a prepared event at its place, as text. */
export function encodeLine(stream: string, event: PreparedEvent, version: number, time: string): string {
  const line = new JsonWriter(64)
  writeLine(line, stream, event, version, time)
  return line.take().toString()
}

/** The line of a new event at its place, as text. */
export function storedLine(stream: string, event: NewEvent, version: number, time: string): string {
  const [prepared] = prepareEvents(stream, [event], 1 << 20, () => 'generated', new JsonWriter(64))
  return encodeLine(stream, prepared!, version, time)
}
