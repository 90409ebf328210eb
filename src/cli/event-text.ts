import type { RecordedEvent } from '../event/event.ts'
import type { Output } from './output.ts'
import { cutTo, jsonLine, printable } from './terminal-text.ts'

const INDENT = ' '.repeat(8)

/** Prints an event: for programs as JSON, else for people. */
export function printEvent(event: RecordedEvent, json: boolean, output: Output): Promise<void> {
  return json ? output.json(event) : output.lines(eventLines(event, output))
}

/**
 * An event for people: position, type, stream with version and time on one line, what it holds below it.
 * Cut to the width of a terminal; whole in a pipe.
 */
export function eventLines(event: RecordedEvent, output: Pick<Output, 'width' | 'dim'>): string[] {
  const { position, type, stream, version, time, schema, tags, data, metadata } = event
  const fit = (text: string) => (output.width === undefined ? text : cutTo(output.width, text))
  const head = `${String(position).padStart(6)}  ${printable(type)}  ${printable(stream)}@${version}  ${time}`
  const below = [
    ...(tags.length === 0 ? [] : [`tags ${tags.map(printable).join(', ')}`]),
    ...(schema === 1 ? [] : [`schema ${schema}`]),
    ...(Object.keys(metadata).length === 0 ? [] : [`metadata ${jsonLine(metadata)}`]),
  ]
  return [
    fit(head),
    fit(INDENT + jsonLine(data)),
    ...below.map((text) => output.dim(fit(INDENT + printable(text)))),
  ]
}
