import { Column } from './column.ts'

const NONE = 0

/**
 * Strings the events of each stream together: each points to the one before it, and to one further back
 * (a skew-binary jump pointer), so any version of a stream is found in a number of steps that grows with
 * the logarithm of its length. Eight bytes an event.
 *
 * Source: Eugene W. Myers, "An applicative random-access stack", Information Processing Letters 17 (1983).
 */
export class StreamChains {
  // One entry a stream: its last position, and its version.
  readonly heads = Column.uint32()
  readonly versions = Column.uint32()
  // One entry an event; the event at position p stands at p - 1.
  private readonly previous = Column.uint32()
  readonly jumps = Column.uint32()

  /** The parts, in a fixed order, for a snapshot. */
  readonly columns = [this.heads, this.versions, this.previous, this.jumps]

  addStream(): void {
    this.heads.push(NONE)
    this.versions.push(0)
  }

  /** How many events a stream has. */
  version(stream: number): number {
    return this.versions.get(stream)
  }

  /** Adds the next event of the log to its stream and returns its version. */
  add(stream: number): number {
    const previous = this.heads.get(stream)
    const version = this.versions.get(stream) + 1
    this.jumps.push(jumpLength(version) === 1 ? previous : this.jumpOf(this.jumpOf(previous)))
    this.previous.push(previous)
    this.heads.set(stream, this.previous.length)
    this.versions.set(stream, version)
    return version
  }

  /** Takes the last event of the log, which is in this stream, away again. */
  removeLast(stream: number): void {
    this.heads.set(stream, this.previous.get(this.previous.length - 1))
    this.versions.set(stream, this.versions.get(stream) - 1)
    this.previous.truncate(this.previous.length - 1)
    this.jumps.truncate(this.previous.length)
  }

  removeLastStream(): void {
    this.heads.truncate(this.heads.length - 1)
    this.versions.truncate(this.versions.length - 1)
  }

  /** The positions of the versions `from` to `to`, both included, ascending. */
  positions(stream: number, from: number, to: number): number[] {
    const positions: number[] = []
    let version = Math.min(to, this.version(stream))
    let position = version < from ? NONE : this.find(stream, version)
    for (; version >= Math.max(from, 1); version--) {
      positions.push(position)
      position = this.previous.get(position - 1)
    }
    return positions.reverse()
  }

  /** Version and position of a stream's last event at or before a position; both 0 where there is none. */
  headAt(stream: number, position: number): { readonly version: number; readonly position: number } {
    let version = this.version(stream)
    let head = this.heads.get(stream)
    while (head > position) {
      const jump = this.jumps.get(head - 1)
      const isTooFar = jump <= position
      const step = isTooFar ? 1 : jumpLength(version)
      head = isTooFar ? this.previous.get(head - 1) : jump
      version -= step
    }
    return { version, position: head }
  }

  /** The positions of a stream's events after a position, newest first. */
  *after(stream: number, position: number): Generator<number> {
    for (let at = this.heads.get(stream); at > position; at = this.previous.get(at - 1)) yield at
  }

  private find(stream: number, version: number): number {
    let at = this.version(stream)
    let position = this.heads.get(stream)
    while (at > version) {
      const step = jumpLength(at)
      const isTooFar = at - step < version
      position = (isTooFar ? this.previous : this.jumps).get(position - 1)
      at -= isTooFar ? 1 : step
    }
    return position
  }

  private jumpOf(position: number): number {
    return position === NONE ? NONE : this.jumps.get(position - 1)
  }
}

/**
 * How far back the jump pointer of a version leads: the weight of the last digit of the version written
 * in skew binary, whose weights are 1, 3, 7, 15 …
 */
export function jumpLength(version: number): number {
  let rest = version
  let weight = 0
  while (rest > 0) {
    // The largest 2^n - 1 that is not above the rest.
    weight = ALL_BITS >>> (Math.clz32(rest + 1) + 1)
    rest -= weight
  }
  return weight
}

const ALL_BITS = 0xffff_ffff
