import { constants, createReadStream, open as openCallback } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { addAbortSignal, type Readable } from 'node:stream'
import { isatty, ReadStream } from 'node:tty'
import { promisify } from 'node:util'

const openDescriptor = promisify(openCallback)
const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants

/** How much of a file is read at once. */
const PIECE = 1 << 18

/** Standard input, which ends with an AbortError when the program is interrupted: nobody may be typing. */
export function standardInput(signal: AbortSignal): Readable {
  return addAbortSignal(signal, process.stdin)
}

/**
 * A file that was named on the command line, which ends with an AbortError when the program is interrupted.
 * Pipes and terminals are not read as files are, by a thread: nothing ends one that waits, not even the end of
 * the program.
 *
 * @throws what the file system says of a file that is not there
 */
export async function openInput(path: string, signal: AbortSignal): Promise<Readable> {
  const waiting = await openWaiting(path)
  return addAbortSignal(signal, waiting ?? createReadStream(path, { highWaterMark: PIECE }))
}

/** A pipe or a terminal; undefined for everything else. */
async function openWaiting(path: string): Promise<Readable | undefined> {
  const found = await stat(path)
  // Without O_NONBLOCK the thread would wait for somebody to open the other end.
  if (found.isFIFO()) {
    const fd = await openDescriptor(path, O_RDONLY | O_NONBLOCK)
    return new Socket({ fd, readable: true, writable: false })
  }
  if (!found.isCharacterDevice()) return undefined
  const fd = await openDescriptor(path, O_RDONLY | O_NOCTTY)
  return isatty(fd) ? new ReadStream(fd) : createReadStream(path, { fd, highWaterMark: PIECE })
}
