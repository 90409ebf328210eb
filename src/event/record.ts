import { MAX_TAGS, nameProblem } from './new-event.ts'
import { shown } from './option-kinds.ts'
import { EARLIEST_TIME, formatTime, LATEST_TIME, parseTime } from './time.ts'

const FIELDS = ['id', 'stream', 'version', 'type', 'schema', 'tags', 'time', 'data', 'metadata']

/** Throws an error that names the place; `field` is the one at fault, if it is one. */
export type Refuse = (problem: string, expected: string, field?: string) => never

/**
 * Encodes an event that was read from a file in any layout (hand-written JSON, YAML) as its canonical
 * stored line, with its LF.
 */
export function encodeRecord(value: unknown, refuse: Refuse): string {
  if (!isRecord(value)) return refuse(`is ${describe(value)}`, 'an event, a mapping of fields')
  for (const key of Object.keys(value)) {
    if (FIELDS.includes(key)) continue
    refuse(`has the unknown field ${JSON.stringify(key)}`, `only ${FIELDS.join(', ')}`, key)
  }
  const expect = (field: string, isValid: boolean, expected: string) => {
    if (!isValid) refuse(`field "${field}" is ${describe(value[field])}`, expected, field)
  }
  const { id, stream, version, type, schema, tags, time, data = {}, metadata } = value
  for (const [field, name] of Object.entries({ id, stream, type })) {
    const problem = name === undefined ? 'is missing' : nameProblem(name)
    if (problem !== undefined) refuse(`field "${field}" ${problem}`, 'a string of 1 to 200 characters', field)
  }
  expect('version', isCount(version), 'a whole number from 1')
  expect('schema', schema === undefined || isCount(schema), 'a whole number from 1')
  expect('tags', tags === undefined || isTags(tags), 'a list of strings')
  expect('metadata', metadata === undefined || isRecord(metadata), 'a mapping of fields')
  const ms = (typeof time === 'string' ? parseTime(time) : undefined) ?? Number.NaN
  expect('time', ms >= EARLIEST_TIME && ms <= LATEST_TIME, 'a time such as 2026-11-23T05:21:48.123Z')

  const event = {
    id,
    stream,
    version,
    type,
    schema: schema === 1 ? undefined : schema,
    tags: isTags(tags) && tags.length > 0 ? tags : undefined,
    time: formatTime(ms),
    data,
    metadata: isRecord(metadata) && Object.keys(metadata).length > 0 ? metadata : undefined,
  }
  return `${JSON.stringify(event)}\n`
}

/**
 * Refuses an event that can be read, and so opens, but that no append would take: one with too many tags, or with a
 * text of a fixed meaning that is none. To be called after `encodeRecord`.
 */
export function refuseUnlikeAppend(value: unknown, refuse: Refuse): void {
  const { tags = [], metadata = {} } = value as {
    tags?: readonly string[]
    metadata?: Record<string, unknown>
  }
  if (tags.length > MAX_TAGS) {
    refuse(`field "tags" holds ${tags.length} of them`, `at most ${MAX_TAGS}`, 'tags')
  }
  for (const field of TEXTS) {
    const found = metadata[field]
    if (found === undefined || typeof found === 'string') continue
    refuse(`field "metadata.${field}" is ${describe(found)}`, 'a string', `metadata.${field}`)
  }
}

const TEXTS = ['correlationId', 'causationId', 'actor']

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

function isTags(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((tag) => nameProblem(tag) === undefined)
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  return isRecord(value) ? 'a mapping' : shown(value)
}
