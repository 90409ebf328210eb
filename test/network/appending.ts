import { randomBytes } from 'node:crypto'
import type { Log, NewEvent } from '../../src/index.ts'

const LARGEST_EVENT = 500_000

/** Appends and commits events of so many bytes, random ones, so that git sends about as many. */
export async function appendBytes(log: Log, bytes: number): Promise<void> {
  const events: NewEvent[] = []
  for (let left = bytes; left > 0; left -= LARGEST_EVENT) {
    const filler = randomBytes(Math.min(left, LARGEST_EVENT)).toString('base64')
    events.push({ type: 'Happened', data: { filler } })
  }
  await log.append('stream', events, { ack: 'committed' })
}
