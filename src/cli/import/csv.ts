import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { formatCount } from '../number-text.ts'
import { cutTo } from '../terminal-text.ts'
import { parseImportTime } from './import-time.ts'
import { ImportError, type ImportedEvent, type StreamOptions } from './imported-event.ts'
import { peek } from './peek.ts'
import { checkUtf8 } from './utf8.ts'

/** Names of the columns with a meaning; all others become fields of `data`. */
export interface CsvOptions extends StreamOptions {
  /** Column of the stream's name. Default `stream`. */
  readonly stream?: string | undefined
  /** Column of the event's type. Default `type`. */
  readonly type?: string | undefined
  /** Column of the time. Default `time`, if there is one. */
  readonly time?: string | undefined
  /** Column of `metadata.actor`. Default `actor`, if there is one. */
  readonly actor?: string | undefined
  /** Default: the one of comma, semicolon, tab and bar that the header holds most of. */
  readonly separator?: string | undefined
}

/** More than any event may hold; a quote that is never closed ends here. */
const MAX_ROW = 1 << 24
/** How far a header may reach, for the guess of its separator. */
const MAX_HEADER = 1 << 16

/**
 * Reads a CSV file (RFC 4180) with a header row as events, one a row, in flat memory.
 *
 * Each cell stays the string that it is: `007`, `1e5` and `true` mean different things to different files,
 * and an event cannot be corrected later. An empty cell is left out. A column without a name is called
 * `column 3`, after its place.
 *
 * @throws ImportError with the line: a named column missing, a row with too many or too few cells, a quote
 *   out of place, no stream, no type or no valid time in a row, bytes that are not UTF-8.
 */
export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<ImportedEvent> {
  let header: Header | undefined
  for await (const { cells, line } of readRows(bytes, options.separator)) {
    if (header === undefined) header = new Header(cells, options, line)
    else yield header.event(cells, line)
  }
  if (header === undefined) {
    throw new ImportError(undefined, 'the file is empty', 'A CSV file starts with a row of column names.')
  }
}

interface Row {
  readonly cells: readonly string[]
  readonly line: number
}

async function* readRows(bytes: AsyncIterable<Uint8Array>, separator?: string): AsyncGenerator<Row> {
  const { parse } = await import('csv-parse')
  const { start, all } = await peek(checkUtf8(bytes), holdsHeader)
  const unquoted = withoutQuoted(start)
  const parser = parse({
    delimiter: separator ?? guessSeparator(unquoted),
    // Left to itself, the parser would take the first end of a row for that of all: files are joined of several.
    record_delimiter: /\r\n?|\n/.exec(unquoted)?.[0] === '\r' ? ['\r'] : ['\r\n', '\n'],
    // The rows are counted and compared with the header here: the parser's own `info` costs a third.
    relax_column_count: true,
    max_record_size: MAX_ROW,
  })
  // A failure of the source reaches the loop through the destroyed parser.
  pipeline(Readable.from(all), parser).catch(() => {})
  let line = 1
  try {
    for await (const cells of parser as AsyncIterable<readonly string[]>) {
      const isBlank = cells.length === 1 && cells[0] === ''
      if (!isBlank) yield { cells, line }
      line++
      for (const cell of cells) if (cell.includes('\n')) line += cell.split('\n').length - 1
    }
  } catch (error) {
    throw describe(error)
  }
}

/** The name of a column may hold a line break in its quotes: that ends no header. */
function holdsHeader(start: Buffer): boolean {
  return start.length >= MAX_HEADER || /^[^"\n]*\n/.test(withoutQuoted(start))
}

function withoutQuoted(start: Buffer): string {
  return start.toString().replace(/"(?:[^"]|"")*"/g, '')
}

function guessSeparator(start: string): string {
  const header = start.split(/[\r\n]/, 1).join()
  const count = (separator: string) => header.split(separator).length
  return [',', ';', '\t', '|'].reduce((best, other) => (count(other) > count(best) ? other : best))
}

function describe(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'lines' in error && 'records' in error)) return error
  const line = Number(error.lines)
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
    case 'CSV_MAX_RECORD_SIZE':
      return new ImportError(
        line,
        `a quote that opens in row ${Number(error.records) + 1} is never closed`,
        'Close it, and write a quote inside a cell twice.',
        error,
      )
    default:
      return new ImportError(
        line,
        'a quote stands in the middle of a cell',
        'Put the whole cell in quotes, and write a quote inside it twice.',
        error,
      )
  }
}

/** How much of a hint the names of columns take: a file may have very many of them, and long ones. */
const LISTED_CHARACTERS = 500

function listNames(names: readonly string[]): string {
  const listed: string[] = []
  let length = 0
  for (const name of names) {
    length += name.length
    if (length > LISTED_CHARACTERS && listed.length > 0) break
    listed.push(cutTo(LISTED_CHARACTERS, name))
  }
  const left = names.length - listed.length
  return `${listed.join(', ')}${left === 0 ? '' : `, and ${formatCount(left)} more`}`
}

/** Where a row's cells go. */
class Header {
  private readonly names: readonly string[]
  private readonly stream: number
  private readonly type: number
  private readonly time: number
  private readonly actor: number
  private readonly data: readonly (readonly [name: string, column: number])[]
  private readonly prefix: string

  constructor(cells: readonly string[], options: CsvOptions, line: number) {
    this.names = cells.map((name, column) => name.trim() || `column ${column + 1}`)
    const seen = new Set<string>()
    const twice = this.names.find((name) => seen.size === seen.add(name).size)
    if (twice !== undefined) {
      throw new ImportError(line, `two columns are called "${twice}"`, 'Rename one of them.')
    }
    this.stream = this.column('stream', options.stream ?? 'stream', line)
    this.type = this.column('type', options.type ?? 'type', line)
    this.time = this.column('time', options.time, line)
    this.actor = this.column('actor', options.actor, line)
    const taken = [this.stream, this.type, this.time, this.actor]
    this.data = [...this.names.entries()].flatMap(([column, name]) =>
      taken.includes(column) ? [] : [[name, column] as const],
    )
    this.prefix = options.streamPrefix ?? ''
  }

  /** Index of a column; -1 for one that was not asked for and is not there. */
  private column(field: string, name: string | undefined, line: number): number {
    const index = this.names.indexOf(name ?? field)
    if (index !== -1 || name === undefined) return index
    throw new ImportError(
      line,
      `there is no column "${name}" for the ${field}`,
      `Name one with --${field}. The columns are: ${listNames(this.names)}.`,
    )
  }

  event(cells: readonly string[], line: number): ImportedEvent {
    if (cells.length !== this.names.length) {
      throw new ImportError(
        line,
        `the row has ${cells.length} cells, the header has ${this.names.length}`,
        'Quote cells that hold a separator or a line break.',
      )
    }
    const time = this.time === -1 ? undefined : this.timeOf(cells[this.time]!, line)
    const actor = cells[this.actor]
    return {
      stream: this.prefix + this.required(cells, this.stream, line),
      event: {
        type: this.required(cells, this.type, line),
        data: this.dataOf(cells),
        ...(time === undefined ? {} : { time }),
        ...(actor ? { metadata: { actor } } : {}),
      },
      line,
    }
  }

  private required(cells: readonly string[], column: number, line: number): string {
    const cell = cells[column]!
    if (cell !== '') return cell
    throw new ImportError(
      line,
      `column "${this.names[column]}" is empty`,
      'Each event needs a stream and a type.',
    )
  }

  private timeOf(cell: string, line: number): string {
    const time = parseImportTime(cell)
    if (time !== undefined) return time
    throw new ImportError(
      line,
      `column "${this.names[this.time]}" holds no time`,
      'Times look like 2011-10-11T13:45:40.276+02:00, 2011-10-11 13:45 (UTC) or 2011-10-11.',
    )
  }

  private dataOf(cells: readonly string[]): Record<string, string> {
    const members: (readonly [string, string])[] = []
    for (const [name, column] of this.data) {
      const cell = cells[column]!
      if (cell !== '') members.push([name, cell])
    }
    // Defines own properties, also for a column called __proto__.
    return Object.fromEntries(members)
  }
}
