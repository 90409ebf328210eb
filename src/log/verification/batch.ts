import { isUtf8 } from 'node:buffer'
import type { Codec } from '../../event/event.ts'
import { InvalidBatchError } from '../../event/invalid-batch.ts'
import { encodeRecord, refuseUnlikeAppend } from '../../event/record.ts'
import { MAX_DEPTH, parseStrictJson, StrictJsonError } from '../../event/strict-json.ts'
import { parseTime } from '../../event/time.ts'
import type { FindingCode } from './findings.ts'

/** What the checks across events need of one. */
export interface CheckedEvent {
  readonly kind: 'event'
  readonly id: string
  readonly stream: string
  readonly version: number
  readonly timeMs: number
  /** Line in its file; undefined in a YAML file, where an event takes many. */
  readonly line: number | undefined
}

/** Something that is wrong in a file. */
export interface BatchProblem {
  readonly kind: 'problem'
  readonly code: FindingCode
  readonly message: string
  readonly line: number | undefined
  /** What it hides: nothing, an event, or all events from here to the end of the file. */
  readonly hides: 'nothing' | 'event' | 'rest'
}

/** The events of a batch file in order, and what is wrong with it. */
export async function checkBatch(
  content: Buffer,
  path: string,
  codec: Codec,
): Promise<Iterable<CheckedEvent | BatchProblem>> {
  if (content.length === 0) return [problem('empty-batch', 'the file holds no events', undefined)]
  if (!isUtf8(content)) {
    return [problem('not-utf8', 'the line holds bytes that are not UTF-8', firstBadLine(content), 'rest')]
  }
  const text = content.toString('utf8')
  return codec === 'yaml' ? checkYaml(text, path) : checkJsonLines(text)
}

async function checkYaml(text: string, path: string): Promise<Iterable<CheckedEvent | BatchProblem>> {
  const { decodeYaml } = await import('../../event/yaml-codec.ts')
  try {
    const lines = (await decodeYaml(text, path)).slice(0, -1).split('\n')
    return lines.flatMap((line) => [...checkRecord(JSON.parse(line), undefined)])
  } catch (error) {
    if (!(error instanceof InvalidBatchError)) throw error
    return [problem('invalid-yaml', `${error.problem}; expected ${error.expected}`, error.line, 'rest')]
  }
}

function* checkJsonLines(text: string): Generator<CheckedEvent | BatchProblem> {
  const hasMark = text.startsWith('\ufeff')
  if (hasMark) yield problem('byte-order-mark', 'the file begins with a byte order mark', 1)
  let number = 0
  let isConverted = false
  for (let from = hasMark ? 1 : 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const line = text.slice(from, end === -1 ? text.length : end)
    number++
    const hasReturn = line.endsWith('\r')
    // One finding for a file that was converted, not one a line.
    if (hasReturn && !isConverted)
      yield problem('crlf', 'the line ends with CR LF; expected LF alone', number)
    isConverted ||= hasReturn
    yield* checkLine(hasReturn ? line.slice(0, -1) : line, number)
    if (end === -1) yield problem('no-final-line-feed', 'the last line does not end with LF', number)
    from = end === -1 ? text.length : end + 1
  }
}

/** A value was refused as an event. */
class InvalidRecord extends Error {}

function refuseRecord(what: string, expected: string): never {
  throw new InvalidRecord(`${what}; expected ${expected}`)
}

const NOT_CANONICAL =
  'readable, but not in the canonical form: order of keys, white space, escapes or defaults'

function* checkLine(line: string, number: number): Generator<CheckedEvent | BatchProblem> {
  if (line.trim() === '') return yield problem('blank-line', 'the line is blank; expected an event', number)
  try {
    const value = parseStrictJson(line, { maxDepth: MAX_DEPTH + 1 })
    const canonical = encodeRecord(value, refuseRecord)
    if (canonical.length !== line.length + 1 || !canonical.startsWith(line)) {
      yield problem('not-canonical', NOT_CANONICAL, number)
    }
    yield* checkRecord(value, number)
  } catch (error) {
    if (error instanceof StrictJsonError) {
      yield problem('invalid-json', `column ${error.column}: ${error.problem}`, number, 'event')
    } else if (error instanceof InvalidRecord) {
      yield problem('invalid-event', error.message, number, 'event')
    } else throw error
  }
}

/** An event that `encodeRecord` takes. What no append would take of it hides nothing. */
function* checkRecord(value: unknown, line: number | undefined): Generator<CheckedEvent | BatchProblem> {
  try {
    refuseUnlikeAppend(value, refuseRecord)
  } catch (error) {
    if (!(error instanceof InvalidRecord)) throw error
    yield problem('invalid-event', error.message, line)
  }
  yield toEvent(value, line)
}

function problem(
  code: FindingCode,
  message: string,
  line: number | undefined,
  hides: BatchProblem['hides'] = 'nothing',
): BatchProblem {
  return { kind: 'problem', code, message, line, hides }
}

/** `value` has passed `encodeRecord`, which proves that it has these fields. */
function toEvent(value: unknown, line: number | undefined): CheckedEvent {
  const { id, stream, version, time } = value as Record<'id' | 'stream' | 'time', string> & {
    version: number
  }
  return { kind: 'event', id, stream, version, timeMs: parseTime(time)!, line }
}

function firstBadLine(content: Buffer): number {
  let line = 1
  for (let from = 0; from < content.length; line++) {
    const end = content.indexOf(0x0a, from)
    const to = end === -1 ? content.length : end
    if (!isUtf8(content.subarray(from, to))) break
    from = to + 1
  }
  return line
}
