import { formatTime } from '../../event/time.ts'
import type { BatchFile } from '../../repository/batch-file.ts'
import { MAX_BATCH_BYTES } from '../../repository/layout.ts'
import { type CheckedEvent, checkBatch } from './batch.ts'
import type { Finding } from './findings.ts'
import { hashOf, IdHashes } from './ids.ts'
import { ahead, type VerificationContext } from './reading.ts'
import { filesOf, type HistoricTree, pathOfFile } from './tree.ts'

interface StreamState {
  readonly version: number
  /** How many places that hide events had been passed when this version was seen. */
  readonly hidden: number
}

type Place = Required<Pick<Finding, 'file' | 'position'>> & { readonly line: number | undefined }

const FILES_AHEAD = 8

/**
 * Checks the events that the end of the branch holds, one after the other: their lines, positions,
 * versions, times and ids. Takes about 8 bytes an event, and what each stream's name takes.
 */
export class EventCheck {
  /** How many events were read. */
  count = 0
  private readonly streams = new Map<string, StreamState>()
  private readonly ids = new IdHashes()
  private last: { readonly timeMs: number } | undefined
  /** How many places that hide events were passed: a stream may go on behind one at any later version. */
  private hidden = 0
  /** Where the next file has to begin, if that is known. */
  private expected: number | undefined = 1

  constructor(private readonly context: VerificationContext) {}

  /** @param onProgress is told after each file */
  async run(tree: HistoricTree, onProgress: () => void): Promise<void> {
    for await (const file of this.files(tree)) {
      await this.checkFile(file)
      onProgress()
    }
    const repeated = await this.ids.findRepeated(this.context.turns)
    if (repeated.size > 0) await this.findDuplicates(tree, repeated)
  }

  private files(tree: HistoricTree): AsyncIterable<BatchFile> {
    return ahead(filesOf(tree), ({ oid }) => this.context.objects.warm(oid), FILES_AHEAD)
  }

  private async checkFile(file: BatchFile): Promise<void> {
    const path = pathOfFile(file)
    this.checkFirst(file.first, path)
    const content = await this.read(file)
    if (content === undefined) {
      this.hidden++
      this.expected = undefined
      return
    }
    let position = file.first
    let isWhole = true
    for (const part of await checkBatch(content, path, file.codec)) {
      await this.context.turns.take()
      const place = { file: path, line: part.line, position }
      if (part.kind === 'event') this.checkEvent(part, place)
      else {
        this.report(part.code, part.message, place)
        if (part.hides === 'nothing') continue
        this.hidden++
        isWhole &&= part.hides === 'event'
      }
      position++
    }
    this.expected = isWhole ? position : undefined
    if (content.length > MAX_BATCH_BYTES && position - file.first > 1) {
      const message = `the file has ${content.length} bytes; expected at most ${MAX_BATCH_BYTES} unless it holds one append`
      this.context.findings.add({ code: 'batch-too-large', message, file: path })
    }
  }

  private checkFirst(first: number, file: string): void {
    if (this.expected === undefined || first === this.expected) return
    const isGap = first > this.expected
    const message = `the file begins at position ${first}; expected ${this.expected}`
    this.report(isGap ? 'position-gap' : 'position-overlap', message, {
      file,
      line: undefined,
      position: first,
    })
    // The events of the gap may have taken versions.
    if (isGap) this.hidden++
  }

  private checkEvent(event: CheckedEvent, place: Place): void {
    const { id, stream, version, timeMs } = event
    this.count++
    this.ids.add(id)
    const { hidden } = this
    const known = this.streams.get(stream) ?? { version: 0, hidden: 0 }
    const next = known.version + 1
    const isNext = known.hidden < hidden ? version >= next : version === next
    if (!isNext) {
      const message = `stream ${JSON.stringify(stream)} has version ${version}; expected ${next}`
      this.report('version-mismatch', message, place)
    }
    this.streams.set(stream, { version, hidden })
    if (this.last !== undefined && timeMs < this.last.timeMs) {
      const message = `the time ${formatTime(timeMs)} lies before that of the event before, ${formatTime(this.last.timeMs)}`
      this.report('time-backwards', message, place)
    }
    this.last = event
  }

  /** Compares the ids themselves, of the few events whose ids have equal hashes. */
  private async findDuplicates(tree: HistoricTree, hashes: ReadonlySet<number>): Promise<void> {
    const positions = new Map<string, number>()
    for await (const file of this.files(tree)) {
      for await (const { id, place } of this.eventsOf(file)) {
        if (!hashes.has(hashOf(id))) continue
        const first = positions.get(id)
        if (first === undefined) positions.set(id, place.position)
        else {
          const message = `the id ${JSON.stringify(id)} stands at position ${first} already`
          this.report('duplicate-id', message, place)
        }
      }
    }
  }

  /** The events of a file that can be read, whatever stands between them. */
  private async *eventsOf(file: BatchFile): AsyncGenerator<{ readonly id: string; readonly place: Place }> {
    const path = pathOfFile(file)
    const content = await this.read(file)
    if (content === undefined) return
    let position = file.first
    for (const part of await checkBatch(content, path, file.codec)) {
      await this.context.turns.take()
      if (part.kind === 'event') yield { id: part.id, place: { file: path, line: part.line, position } }
      if (part.kind === 'event' || part.hides !== 'nothing') position++
    }
  }

  private async read(file: BatchFile): Promise<Buffer | undefined> {
    try {
      return await this.context.objects.read(file.oid, 'blob')
    } catch (error) {
      this.context.findings.addProblem(error, { file: pathOfFile(file) })
      return undefined
    }
  }

  private report(code: Finding['code'], message: string, { file, line, position }: Place): void {
    this.context.findings.add({ code, message, file, position, ...(line !== undefined && { line }) })
  }
}
