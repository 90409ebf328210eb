import { UsageError } from '../../event/errors.ts'
import { abortable } from '../../system/abortable.ts'
import { argument, command, flag, json, option } from '../command.ts'
import type { ImportedEvent } from '../import/imported-event.ts'
import { sortByTime } from '../import/sort.ts'
import { detectFormat, type ImportFormat, openSource } from '../import/source.ts'
import { ImportRun } from '../import-run.ts'
import { describeStop } from '../import-stop.ts'
import { oneOf, parseCount, parsePlace } from '../input-values.ts'
import { countOf, formatRate } from '../number-text.ts'
import { openForWriting } from '../opening.ts'

const BATCH = 500

export const importFile = command({
  inputs: {
    file: argument('file', 'the file, gzipped or not; - reads standard input'),
    format: option(
      '--format <format>',
      'csv, jsonl or cloudevents (default: by the name of the file)',
      oneOf('csv', 'jsonl', 'cloudevents'),
    ),
    stream: option('--stream <column>', 'the column, key or attribute that names the stream'),
    streamPrefix: option('--stream-prefix <text>', 'put in front of the name of each stream'),
    type: option('--type <column>', 'the column of the type (csv; default: type)'),
    time: option('--time <column>', 'the column of the time (csv; default: time, if there is one)'),
    actor: option('--actor <column>', 'the column of the actor (csv; default: actor, if there is one)'),
    sort: flag('--sort', 'order the events by time first; holds them all in memory'),
    skip: option(
      '--skip <n>',
      'leave out the first n events: those of an import that was stopped',
      parseCount,
    ),
    batch: option(
      '--batch <n>',
      `the most events of one append, which is stored all or none (default: ${BATCH})`,
      parsePlace,
    ),
    json,
  },
  examples: [
    { run: 'memoir import events.jsonl', text: 'what `memoir read --json` has written' },
    {
      run: 'memoir import cases.csv --stream case --stream-prefix case- --type activity --time when --actor who --sort',
      text: 'a table: all other columns become the data',
    },
  ],
  notes: `The order of the file is kept. When it stops half way, by Ctrl-C or at a mistake in the file, it says
how many events are in the log; the same command with --skip goes on from there.`,
  async run({ file, batch = BATCH, skip = 0, sort, json, ...given }, context) {
    const format = chooseFormat(file, given.format)
    const { stream, streamPrefix, type, time, actor } = given
    refuseColumns(format, { type, time, actor })
    const read = await loadReader(format)
    const { signal, messages, output } = context
    const bytes = openSource(file, signal)
    const found = interruptible(read(bytes, { stream, streamPrefix, type, time, actor }), signal)

    await using log = await openForWriting(context)
    using progress = messages.progress('Importing')
    const start = performance.now()
    const run = new ImportRun(log, (done) => progress.update({ done, unit: 'events' }))
    try {
      await run.run(skipFirst(sort ? sortByTime(found) : found, skip), batch)
      // Not for as long as that takes: what is told below has to come before the program is ended.
      await abortable(log.seal(), signal)
    } catch (error) {
      messages.warn(describeStop(run, error, skip))
      throw signal.aborted ? signal.reason : error
    }
    const seconds = (performance.now() - start) / 1000
    const { extent } = run
    if (json) {
      const eventsPerSecond = Math.round(extent.events / seconds)
      return output.json({ ...extent, seconds: Number(seconds.toFixed(3)), eventsPerSecond })
    }
    const { events, repeated, streams, firstPosition, lastPosition } = extent
    const places = events === 0 ? '' : `, positions ${firstPosition} to ${lastPosition}`
    const stored = repeated === 0 ? '' : `; ${storedAlready(repeated)}`
    await output.line(
      `Imported ${countOf(events, 'event')} into ${countOf(streams, 'stream')} in ${seconds.toFixed(1)} s (${formatRate(events, seconds)})${places}${stored}`,
    )
  },
})

function chooseFormat(file: string, given: ImportFormat | undefined): ImportFormat {
  const format = given ?? detectFormat(file)
  if (format !== undefined) return format
  throw new UsageError(`the format of ${file} cannot be told from its name`, {
    hint: 'Give one: --format csv, --format jsonl or --format cloudevents.',
  })
}

function refuseColumns(format: ImportFormat, columns: Readonly<Record<string, string | undefined>>): void {
  if (format === 'csv') return
  for (const [name, column] of Object.entries(columns)) {
    if (column === undefined) continue
    throw new UsageError(`--${name} names a column: ${format} has none`, {
      hint: `Leave it out: the field "${name}" of each event is taken.`,
    })
  }
}

async function loadReader(format: ImportFormat) {
  switch (format) {
    case 'csv':
      return (await import('../import/csv.ts')).readCsv
    case 'jsonl':
      return (await import('../import/json-lines.ts')).readJsonLines
    case 'cloudevents':
      return (await import('../import/cloud-events.ts')).readCloudEvents
  }
}

async function* interruptible(
  events: AsyncIterable<ImportedEvent>,
  signal: AbortSignal,
): AsyncGenerator<ImportedEvent> {
  for await (const event of events) {
    signal.throwIfAborted()
    yield event
  }
}

async function* skipFirst(
  events: AsyncIterable<ImportedEvent>,
  count: number,
): AsyncGenerator<ImportedEvent> {
  let left = count
  for await (const event of events) {
    if (left > 0) left--
    else yield event
  }
}

function storedAlready(repeated: number): string {
  return `${countOf(repeated, 'event')} ${repeated === 1 ? 'was' : 'were'} stored already`
}
