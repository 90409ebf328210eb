import type { Json, Metadata, NewEvent } from '../../event/event.ts'
import { withoutAbsent } from '../without-absent.ts'
import { ImportError, type ImportedEvent, type StreamOptions } from './imported-event.ts'
import { JsonFields } from './json-fields.ts'
import { type JsonObject, readJsonObjects } from './json-objects.ts'
import { nameUuid } from './name-uuid.ts'

/** Fields that have a place of their own in an event; all others are kept as metadata. */
const PLACED = new Set(['specversion', 'type', 'id', 'source', 'time', 'data', 'data_base64'])
/** CloudEvents allow lower case only in names. */
const METADATA_NAMES = new Map([
  ['correlationid', 'correlationId'],
  ['causationid', 'causationId'],
])

/**
 * Reads CloudEvents 1.0 in their JSON form, one a line or in one array, in flat memory.
 *
 * The stream is the attribute that `options.stream` names; by default `subject`, or `source` where there is
 * none. `source` and `id` together are an event's identity: they stay in the metadata (`cloudEventSource`,
 * `cloudEventId`), and a UUID made from them becomes the event's id, so importing a file again stores
 * nothing twice. Other attributes, extensions among them, become metadata; one that is null counts as absent. Binary data is kept as it
 * came, `{"base64": "…"}`.
 *
 * @throws ImportError with the line.
 */
export async function* readCloudEvents(
  bytes: AsyncIterable<Uint8Array>,
  options: StreamOptions = {},
): AsyncGenerator<ImportedEvent> {
  const { streamPrefix = '' } = options
  for await (const object of readJsonObjects(bytes)) {
    const fields = new JsonFields(withoutNulls(object))
    if (fields.find('specversion') !== '1.0') {
      throw new ImportError(
        object.line,
        'field "specversion" is not "1.0"',
        'Only CloudEvents 1.0 can be imported.',
      )
    }
    yield {
      stream: streamPrefix + readStream(fields, options.stream),
      event: readEvent(fields),
      line: object.line,
    }
  }
}

/** The JSON form lets a writer give null for an attribute that is not there; of the data it is a value. */
function withoutNulls({ value, line }: JsonObject): JsonObject {
  const present = Object.entries(value).filter(([key, member]) => member !== null || key === 'data')
  return { value: Object.fromEntries(present), line }
}

function readStream(fields: JsonFields, attribute: string | undefined): string {
  if (attribute !== undefined) return fields.text(attribute)
  return fields.findText('subject') ?? fields.text('source')
}

function readEvent(fields: JsonFields): NewEvent {
  const source = fields.text('source')
  const id = fields.text('id')
  return {
    type: fields.text('type'),
    // As JSON the pair cannot be confused with another: no separator can occur in both.
    id: nameUuid(JSON.stringify([source, id])),
    metadata: { ...readAttributes(fields), cloudEventSource: source, cloudEventId: id },
    ...withoutAbsent({ data: readData(fields), time: fields.findTime('time') }),
  }
}

function readData(fields: JsonFields): Json | undefined {
  const base64 = fields.findText('data_base64')
  const data = fields.find('data')
  if (base64 === undefined) return data
  if (data !== undefined) fields.refuse('data_base64', 'there beside "data"', 'one of them')
  return { base64 }
}

function readAttributes(fields: JsonFields): Metadata {
  const members: [string, Json | undefined][] = []
  for (const key of fields.keys()) {
    if (!PLACED.has(key)) members.push([METADATA_NAMES.get(key) ?? key, fields.find(key)])
  }
  return Object.fromEntries(members)
}
