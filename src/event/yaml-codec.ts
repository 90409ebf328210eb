import type { Json } from './event.ts'
import { indentation, writeMapping, writeSequence } from './yaml-text.ts'

/**
 * The YAML form of a batch: a sequence of mappings that people like to review. Takes canonical JSON lines;
 * {@link decodeYaml} gives the same lines back.
 */
export function encodeYaml(lines: string): string {
  return lines.split('\n').slice(0, -1).map(encodeEvent).join('')
}

/**
 * What people like to review takes up to a hundred times the room where lists or objects stand deep inside of others, by
 * its indentation alone: a batch that readers would refuse as too large. What would take more than twice the room of JSON
 * is written on one line.
 */
function encodeEvent(line: string): string {
  const event: Event = JSON.parse(line)
  if (indentation(event, 0) <= line.length) return writeSequence([event], 0)
  const { data, metadata, ...fields } = event
  return writeSequence([fields], 0) + writeBody({ data, ...(metadata !== undefined && { metadata }) })
}

interface Event {
  readonly data: Json
  readonly metadata?: Json
  readonly [field: string]: Json
}

/** Data and metadata, each as a block of members as far as these are not too wide for it. */
function writeBody(body: { readonly [field: string]: Json }): string {
  const isWide = (value: Json) => indentation(value, 4) > JSON.stringify(value).length
  return Object.entries(body)
    .map(([field, value]) => {
      const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value)
      const members = isMapping ? Object.entries(value) : []
      if (members.length === 0) return writeMapping([[field, value]], 2, isWide)
      return `  ${field}:\n${writeMapping(members, 4, isWide)}`
    })
    .join('')
}

/**
 * Reads the YAML form of a batch as canonical JSON lines, so that all else works on those. Strict: YAML 1.2
 * with its core schema, and nothing that two readers could take for different values.
 *
 * `path` names the file in errors. About 100 times slower than reading JSON lines.
 *
 * @throws InvalidBatchError with the line in the file.
 */
export async function decodeYaml(text: string, path: string): Promise<string> {
  // Loaded here: most logs are JSON lines and never need the parser.
  const { readYaml } = await import('./yaml-reader.ts')
  return readYaml(text, path)
}

/**
 * Whether YAML batch texts may be joined by writing one behind the other, comments and all: each is a block
 * sequence at column 0 that begins on its first line, without document markers, directives or anchors.
 * Conservative: false means "decode and encode instead", and a text that {@link decodeYaml} refuses may
 * give either.
 */
export function canConcatenate(text: string): boolean {
  return (
    text.endsWith('\n') &&
    !/[\r\ufeff]/.test(text) &&
    // A blank line first would become part of a literal block that ends the text before it.
    /^[-#]/.test(text) &&
    /^- /m.test(text) &&
    // What is not indented is an item, a comment or blank.
    !/^(?!- |-$| |#|$)/m.test(text) &&
    !/(?:^|[\s[{,:-])[&*](?!\s)/m.test(text)
  )
}
