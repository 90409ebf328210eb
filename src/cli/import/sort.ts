import { ImportError, type ImportedEvent } from './imported-event.ts'

/**
 * The events ordered by time; those of the same time keep their order. Holds all of them in memory:
 * about 0.6 KB each for rows of ten columns, so a million fit into a default heap.
 *
 * @throws ImportError for an event without a time.
 */
export async function* sortByTime(events: AsyncIterable<ImportedEvent>): AsyncGenerator<ImportedEvent> {
  const sorted: { readonly imported: ImportedEvent; readonly ms: number }[] = []
  for await (const imported of events) {
    const { time } = imported.event
    if (time === undefined) {
      throw new ImportError(
        imported.line,
        'has no time to sort by',
        'Name the time with --time, or do not sort.',
      )
    }
    sorted.push({ imported, ms: new Date(time).getTime() })
  }
  sorted.sort((a, b) => a.ms - b.ms)
  for (const { imported } of sorted) yield imported
}
