import type { GitObject } from './git-reader.ts'
import { Queue } from './queue.ts'

const MAX_OBJECTS = 64
const MAX_BYTES = 4 << 20

/**
 * Reads objects in order, several at a time: at most 64, and about 4 MiB going by the largest of the last
 * ones, because the sizes of those to come are not known.
 */
export async function* readAhead(
  oids: readonly string[],
  read: (oid: string) => Promise<GitObject>,
  signal?: AbortSignal,
): AsyncGenerator<GitObject, void, undefined> {
  const started = new Queue<Promise<GitObject>>()
  let expectedBytes = 64 << 10
  for (let next = 0; next < oids.length || started.size > 0; ) {
    signal?.throwIfAborted()
    const wanted = Math.max(2, Math.min(MAX_OBJECTS, Math.floor(MAX_BYTES / expectedBytes)))
    for (; next < oids.length && started.size < wanted; next++) started.push(start(read, oids[next]!))
    const object = await abortable(started.shift()!, signal)
    expectedBytes = Math.max(object.content.length, expectedBytes * 0.9)
    yield object
  }
}

/** What is read ahead and then not wanted any more may fail without anybody listening. */
function start(read: (oid: string) => Promise<GitObject>, oid: string): Promise<GitObject> {
  const promise = read(oid)
  promise.catch(() => undefined)
  return promise
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
