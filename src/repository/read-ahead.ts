import { abortable } from '../system/abortable.ts'
import type { GitObject } from './git-reader.ts'
import { Queue } from './queue.ts'
import { type HasRoom, NO_ROOM, Room } from './room.ts'

const MOST_OBJECTS = 64
/** What is expected to be read ahead, and what may be at most: sizes vary. */
const EXPECTED_BYTES = 4 << 20
const MOST_BYTES = 8 << 20
/** As long as no size is known. */
const FIRST_OBJECTS = 4

/** An object that is being read, or was, before its turn. */
interface Ahead {
  readonly oid: string
  readonly object: Promise<GitObject | typeof NO_ROOM>
  /** Its turn has come: from now on it may be as large as it is. */
  readonly turn: () => void
}

/**
 * Reads objects in order, several at a time: at most 64, and about 4 MiB going by the largest of the last
 * ones, because the sizes of those to come are not known. One whose size, once it is known, would make more
 * than 8 MiB of what is ahead is left until its turn comes, and all after it.
 */
export async function* readAhead(
  oids: readonly string[],
  read: (oid: string, hasRoom: HasRoom) => Promise<GitObject | typeof NO_ROOM>,
  signal?: AbortSignal,
): AsyncGenerator<GitObject, void, undefined> {
  let room = new Room(MOST_BYTES)
  let started = new Queue<Ahead>()
  let next = 0
  let wanted = FIRST_OBJECTS
  let expectedBytes = 0
  while (next < oids.length || started.size > 0) {
    signal?.throwIfAborted()
    for (; next < oids.length && started.size < wanted; next++) started.push(start(read, oids[next]!, room))
    const first = started.shift()!
    first.turn()
    let object = await abortable(first.object, signal)
    if (object === NO_ROOM) {
      // Nor is there for those after it: they are begun again.
      next -= started.size
      started = new Queue()
      room = new Room(MOST_BYTES)
      // Its turn has come: whatever its size, there is room.
      object = (await abortable(
        read(first.oid, () => true),
        signal,
      )) as GitObject
    }
    expectedBytes = Math.max(object.content.length, expectedBytes * 0.9)
    wanted = Math.min(MOST_OBJECTS, 2 * wanted, Math.max(1, Math.floor(EXPECTED_BYTES / expectedBytes)))
    yield object
  }
}

/** What is read ahead and then not wanted any more may fail without anybody listening. */
function start(
  read: (oid: string, hasRoom: HasRoom) => Promise<GitObject | typeof NO_ROOM>,
  oid: string,
  room: Room,
): Ahead {
  const place = room.newPlace()
  const object = read(oid, (bytes) => place.take(bytes))
  object.catch(() => undefined)
  return { oid, object, turn: () => place.leave() }
}
