import type { FileSystem } from '../system/file-system.ts'
import { Segment } from './segment.ts'

export interface NextSegmentOptions {
  readonly directory: string
  readonly fileSystem: FileSystem
  /** What filled segments grow to. */
  readonly segmentBytes: number
  readonly largeFrameBytes: number
  /** Told what went wrong in the background. */
  readonly onError: (error: unknown) => void
}

const FIRST_BYTES = 256 * 1024
const BLOCK_BYTES = 4096
/** How many times as large a segment may grow that is not filled: each costs the appends of a burst four syncs. */
const GROWTH = 4

/**
 * The segment that comes after the active one. It is created ahead, in the background, so that no append has to wait
 * for its zeros; where there is none when it is needed, one is created that grows.
 */
export class NextSegment {
  readonly #options: NextSegmentOptions
  #spare: Segment | undefined
  #preparing: Promise<void> = Promise.resolve()
  #preparedAfter: Segment | undefined
  /** The size of the last frames, each counting for an eighth less than the one after it. */
  #usualFrameBytes = 0

  constructor(options: NextSegmentOptions) {
    this.#options = options
  }

  /** The one that is there, without a name of its own yet. */
  get spare(): Segment | undefined {
    return this.#spare
  }

  /** Whether the active segment has done enough to be followed. */
  isDueAfter(active: Segment): boolean {
    return active.isHalfUsed || !active.isFilled
  }

  /**
   * After each frame: creates the next segment once it is due, and tries that once, since a full disk may have room when
   * it is needed. Not while frames are large, since its zeros would keep them waiting for the disk.
   */
  prepareAfter(active: Segment, frameBytes: number): void {
    this.#usualFrameBytes += (frameBytes - this.#usualFrameBytes) / 8
    if (!this.isDueAfter(active) || this.#preparedAfter === active) return
    // One that could not be given a name is still there, under the name that all have until then.
    if (this.#spare !== undefined) return
    if (this.#usualFrameBytes >= this.#options.largeFrameBytes) return
    this.#preparedAfter = active
    this.#preparing = this.#createFilled(active, 0).then((segment) => {
      this.#spare = segment
    }, this.#options.onError)
  }

  /** Resolves when none is being created in the background. */
  async settled(): Promise<void> {
    await this.#preparing
  }

  /**
   * Gives it the name of its first position, durably, with room for its first frame. It stays the next one where that
   * fails. Ask when it is settled.
   *
   * @throws JournalFullError
   */
  async adopt(first: number, frameBytes: number, active: Segment | undefined): Promise<Segment> {
    this.#spare = await this.#takeFitting(frameBytes, active)
    const adopted = await this.#spare.adopt(this.#options.fileSystem, first)
    this.#spare = undefined
    return adopted
  }

  /** Removes it: the journal is closed. */
  async discard(): Promise<void> {
    await this.#preparing
    await this.#spare?.close()
    // One that cannot be removed now is removed by the next opening.
    if (this.#spare !== undefined) await this.#options.fileSystem.remove(this.#spare.path).catch(() => {})
  }

  /** The spare segment, or one that grows: nobody waits for zeros, but in an empty journal, which begins with few. */
  async #takeFitting(frameBytes: number, active: Segment | undefined): Promise<Segment> {
    const spare = this.#spare
    this.#spare = undefined
    if (spare?.fits(frameBytes)) return spare
    await spare?.close()
    return active === undefined ? this.#createFilled(active, frameBytes) : this.#createGrowing(frameBytes)
  }

  /**
   * Each twice as large as the one before, up to a limit. A quiet log so keeps to 256 KiB (1.1 ms to create; 4 MiB take
   * 7 ms).
   */
  #createFilled(active: Segment | undefined, frameBytes: number): Promise<Segment> {
    const usualBytes = Math.max(FIRST_BYTES, 2 * (active?.size ?? 0))
    return this.#create(Math.min(this.#options.segmentBytes, usualBytes), frameBytes, true)
  }

  #createGrowing(frameBytes: number): Promise<Segment> {
    return this.#create(this.#options.segmentBytes * GROWTH, frameBytes, false)
  }

  /** Never too small for its first frame. */
  #create(usualBytes: number, frameBytes: number, isFilled: boolean): Promise<Segment> {
    const { fileSystem, directory } = this.#options
    const bytes = Math.ceil(Math.max(usualBytes, frameBytes) / BLOCK_BYTES) * BLOCK_BYTES
    return Segment.create(fileSystem, directory, bytes, isFilled)
  }
}
