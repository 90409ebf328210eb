import { messageOf } from './errors.ts'
import { InvalidBatchError } from './invalid-batch.ts'
import { encodeRecord } from './record.ts'
import { MAX_DEPTH, parseStrictJson } from './strict-json.ts'

/**
 * Brings JSON lines that a person wrote into the canonical form.
 *
 * @throws InvalidBatchError with the line at fault and what was expected
 */
export function canonicaliseLines(text: string, path: string): string {
  if (text.startsWith('\ufeff')) {
    throw new InvalidBatchError(path, 1, 'begins with a byte order mark', 'UTF-8 without a mark')
  }
  if (!text.endsWith('\n')) {
    const line = text.split('\n').length
    throw new InvalidBatchError(path, line, 'ends without a line feed', 'LF at the end of each line')
  }
  return text
    .slice(0, -1)
    .split('\n')
    .map((line, index) => canonicaliseLine(line, path, index + 1))
    .join('')
}

function canonicaliseLine(line: string, path: string, number: number): string {
  const refuse = (problem: string, expected: string, cause?: unknown): never => {
    throw new InvalidBatchError(path, number, problem, expected, cause)
  }
  if (line.endsWith('\r')) refuse('ends with CR LF', 'LF alone')
  if (line.trim() === '') refuse('is blank', 'one event on each line')
  let value: unknown
  try {
    value = parseStrictJson(line, { line: number, maxDepth: MAX_DEPTH + 1 })
  } catch (error) {
    const problem = messageOf(error)
    const found = line.includes('}{') ? `holds more than one value: ${problem}` : problem
    refuse(found, 'one event as JSON', error)
  }
  return encodeRecord(value, (problem, expected) => refuse(problem, expected))
}
