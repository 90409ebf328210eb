import type { NewEvent } from '../../event/event.ts'
import { withoutAbsent } from '../without-absent.ts'
import { ImportError, type ImportedEvent, type StreamOptions } from './imported-event.ts'
import { JsonFields } from './json-fields.ts'
import { readJsonObjects } from './json-objects.ts'

const FIELDS = ['type', 'data', 'metadata', 'tags', 'schema', 'id', 'time']
/** Written by `memoir read --json`; the log that imports the events gives its own. */
const IGNORED = ['position', 'version']

/**
 * Reads events as JSON objects with the fields stream, type, data, metadata, tags, schema, id and time, one
 * a line or in one array, in flat memory. Takes what `memoir read --json` writes.
 *
 * `options.stream` names another top-level key that holds the stream.
 *
 * @throws ImportError with the line.
 */
export async function* readJsonLines(
  bytes: AsyncIterable<Uint8Array>,
  options: StreamOptions = {},
): AsyncGenerator<ImportedEvent> {
  const { stream: streamKey = 'stream', streamPrefix = '' } = options
  const known = new Set([streamKey, ...FIELDS, ...IGNORED])
  for await (const object of readJsonObjects(bytes)) {
    const fields = new JsonFields(object)
    const unknown = fields.keys().find((key) => !known.has(key))
    if (unknown !== undefined) throw unknownField(unknown, object.line)
    yield { stream: streamPrefix + fields.text(streamKey), event: readEvent(fields), line: object.line }
  }
}

function readEvent(fields: JsonFields): NewEvent {
  return {
    type: fields.text('type'),
    ...withoutAbsent({
      data: fields.find('data'),
      metadata: fields.findMapping('metadata'),
      tags: fields.findTexts('tags'),
      schema: fields.findCount('schema'),
      id: fields.findText('id'),
      time: fields.findTime('time'),
    }),
  }
}

function unknownField(key: string, line: number): ImportError {
  const hint =
    key === 'specversion'
      ? 'This looks like CloudEvents: import it with --format cloudevents.'
      : `Put it inside "data", or name it with --stream if it holds the stream. Known: ${FIELDS.join(', ')}.`
  return new ImportError(line, `unknown field "${key}"`, hint)
}
