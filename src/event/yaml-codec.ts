import type { Json } from './event.ts'
import { writeSequence } from './yaml-text.ts'

/**
 * The YAML form of a batch: a sequence of mappings that people like to review. Takes canonical JSON lines;
 * {@link decodeYaml} gives the same lines back.
 */
export function encodeYaml(lines: string): string {
  const events = lines
    .split('\n')
    .slice(0, -1)
    .map((line): Json => JSON.parse(line))
  return writeSequence(events, 0)
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
