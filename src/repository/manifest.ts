import type { Codec } from '../event/event.ts'
import { parseTime } from '../event/time.ts'
import { ManifestError, NewerFormatError } from './errors.ts'

/** What `memoir.yaml` says about a log. */
export interface Manifest {
  readonly format: 1
  /** A UUID: two logs are the same log if their ids are. */
  readonly id: string
  readonly name: string
  /** How new batches are written; each file says by its ending how it was. */
  readonly codec: Codec
  /** RFC 3339; ours are UTC, with milliseconds. */
  readonly created: string
}

/** The newest format this version reads. */
const KNOWN_FORMAT = 1

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A manifest has five lines: anything much larger is no manifest. */
const MAX_CHARACTERS = 64 * 1024

/** The text of a manifest: five lines of YAML, in a fixed order. */
export function encodeManifest({ format, id, name, codec, created }: Manifest): string {
  return `format: ${format}\nid: ${id}\nname: ${encodeName(name)}\ncodec: ${codec}\ncreated: ${created}\n`
}

/**
 * Reads a manifest that a person may have edited. One that we wrote is read without loading a YAML parser
 * (40 ms).
 *
 * @throws NewerFormatError, ManifestError
 */
export async function parseManifest(text: string): Promise<Manifest> {
  if (text.length > MAX_CHARACTERS) throw new ManifestError(1, `at most ${MAX_CHARACTERS} characters`)
  return parseCanonical(text) ?? (await parseEdited(text))
}

/** A word that YAML can mean nothing else by, else a JSON string, which is YAML too. */
function encodeName(name: string): string {
  const isPlain = /^[a-z][a-z0-9_-]*$/i.test(name) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(name)
  return isPlain ? name : JSON.stringify(name)
}

const CANONICAL =
  /^format: 1\nid: ([^\n]*)\nname: ([\w-]*|"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*")\ncodec: ([^\n]*)\ncreated: ([^\n]*)\n$/

/** The manifest, if this is to the byte what `encodeManifest` makes of it. */
function parseCanonical(text: string): Manifest | undefined {
  const match = CANONICAL.exec(text)
  if (!match) return undefined
  const [, id = '', quoted = '', codec, created = ''] = match
  const name: unknown = quoted.startsWith('"') ? JSON.parse(quoted) : quoted
  const isManifest = UUID.test(id) && isName(name) && isCodec(codec) && isTime(created)
  if (!isManifest) return undefined
  const manifest: Manifest = { format: 1, id, name, codec, created }
  return encodeManifest(manifest) === text ? manifest : undefined
}

async function parseEdited(text: string): Promise<Manifest> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', logLevel: 'silent' })
  const [problem] = document.errors
  if (problem) {
    throw new ManifestError(problem.linePos?.[0].line ?? 1, `valid YAML (${problem.code})`, {
      cause: problem,
    })
  }
  const { contents } = document
  if (!isMap(contents)) throw new ManifestError(1, 'a mapping with format, id, name, codec and created')

  const read = <Value>(key: string, isValid: (value: unknown) => value is Value, expected: string): Value => {
    const node = contents.get(key, true)
    const value = isScalar(node) ? node.value : undefined
    if (isValid(value)) return value
    const offset = node?.range?.[0] ?? contents.range?.[0] ?? 0
    throw new ManifestError(lines.linePos(offset).line, `${key}: ${expected}`)
  }
  const format = read('format', isFormat, 'a number')
  if (format > KNOWN_FORMAT) throw new NewerFormatError(format, KNOWN_FORMAT)
  return {
    format: 1,
    id: read('id', isId, 'a UUID in small letters'),
    name: read('name', isName, 'a text'),
    codec: read('codec', isCodec, 'jsonl or yaml'),
    created: read('created', isTime, 'a time such as 2026-11-23T05:21:48.123Z'),
  }
}

const isFormat = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 1
const isId = (value: unknown): value is string => typeof value === 'string' && UUID.test(value)
const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isCodec = (value: unknown): value is Codec => value === 'jsonl' || value === 'yaml'
const isTime = (value: unknown): value is string =>
  typeof value === 'string' && parseTime(value) !== undefined
