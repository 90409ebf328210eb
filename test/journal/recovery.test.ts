import { describe, expect, it } from 'vitest'
import { FrameEncoder } from '../../src/journal/frame.ts'
import { type Durability, groupEntries } from '../../src/journal/journal.ts'
import { scanSegment } from '../../src/journal/recovery.ts'
import { entry } from './journal-fixture.ts'

interface Written {
  readonly first: number
  readonly durability: Durability
  readonly released?: number
}

/** A segment as its writer leaves it, and where each frame ends. */
function segment(...frames: readonly Written[]): { bytes: Buffer; ends: number[] } {
  const bytes = Buffer.alloc(4096)
  const encoder = new FrameEncoder()
  const ends: number[] = []
  let durable = 0
  for (const { first, durability, released = 0 } of frames) {
    encoder.encode(groupEntries([entry(first)]))
    const frame = encoder.seal({ first, durable, released })
    const end = (ends.at(-1) ?? 0) + frame.length
    bytes.set(frame, end - frame.length)
    ends.push(end)
    if (durability === 'durable') durable = end
  }
  return { bytes, ends }
}

const durable = (first: number): Written => ({ first, durability: 'durable' })
const written = (first: number): Written => ({ first, durability: 'written' })
const fresh = { last: undefined }

describe('the scan of a segment', () => {
  it('cuts the last frame wherever its write was torn', () => {
    const { bytes, ends } = segment(durable(1), durable(2), durable(3))
    for (let torn = ends[1]!; torn < ends[2]!; torn++) {
      const left = Buffer.from(bytes).fill(0, torn)
      expect(scanSegment(left, fresh), `byte ${torn}`).toMatchObject({
        lastFrame: { last: 2 },
        end: ends[1],
        corruption: undefined,
      })
    }
  })

  it('tells the place of any bit that is wrong in a frame which a later one vouches for', () => {
    const { bytes, ends } = segment(durable(1), durable(2), durable(3))
    for (let bit = ends[0]! * 8; bit < ends[1]! * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(scanSegment(damaged, fresh).corruption, `bit ${bit}`).toMatchObject({ offset: ends[0] })
    }
  })

  it('cuts the final frame when one of its bits is wrong', () => {
    const { bytes, ends } = segment(durable(1), durable(2))
    for (let bit = ends[0]! * 8; bit < ends[1]! * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      const scan = scanSegment(damaged, fresh)
      expect(scan, `bit ${bit}`).toMatchObject({ end: ends[0], corruption: undefined })
    }
  })

  it('cuts frames that were not synced, though a later one of them is whole', () => {
    const { bytes, ends } = segment(durable(1), written(2), written(3), durable(4))
    const torn = Buffer.from(bytes).fill(0, ends[0]! + 20, ends[1]!)
    expect(scanSegment(torn, fresh)).toMatchObject({
      lastFrame: { last: 1 },
      end: ends[0],
      used: ends[3],
      corruption: undefined,
    })
  })

  it('refuses a frame that is all zero, with a frame behind it that vouches for it', () => {
    const { bytes, ends } = segment(durable(1), durable(2), durable(3))
    const erased = Buffer.from(bytes).fill(0, ends[0]!, ends[1]!)
    expect(scanSegment(erased, fresh).corruption).toMatchObject({ offset: ends[0] })
  })

  it('refuses a gap in the positions', () => {
    expect(scanSegment(segment(durable(1), durable(3)).bytes, fresh).corruption).toBeDefined()
    expect(scanSegment(segment(durable(3)).bytes, { last: 1 }).corruption).toBeDefined()
    expect(scanSegment(segment(durable(3)).bytes, { last: 2 }).corruption).toBeUndefined()
  })

  it('accepts a gap where all before it had been released, and none that goes back', () => {
    const jump = { first: 10, durability: 'durable', released: 1 } as const
    expect(scanSegment(segment(durable(1), jump).bytes, fresh).corruption).toBeUndefined()
    expect(scanSegment(segment(durable(2), jump).bytes, fresh).corruption).toBeDefined()
    const back = { first: 3, durability: 'durable', released: 5 } as const
    expect(scanSegment(segment(durable(5), back).bytes, fresh).corruption).toBeDefined()
  })

  it('finds nothing in zeros, in garbage and in no bytes at all', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(9000), Buffer.alloc(9000, 0xff)]) {
      expect(scanSegment(bytes, fresh)).toMatchObject({ lastFrame: undefined, end: 0, corruption: undefined })
    }
  })
})
