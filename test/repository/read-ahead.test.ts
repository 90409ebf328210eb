import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GitObject } from '../../src/repository/git-reader.ts'
import { readAhead } from '../../src/repository/read-ahead.ts'
import { type HasRoom, NO_ROOM } from '../../src/repository/room.ts'

/** Reads objects of a size, and counts how many were asked for and not yet taken. */
function source(size: number) {
  const state = { asked: 0 }
  const read = async (oid: string): Promise<GitObject> => {
    state.asked += 1
    return { oid, type: 'blob', content: Buffer.alloc(size) }
  }
  return { state, read }
}

const OIDS = Array.from({ length: 500 }, (_, n) => String(n))

describe('readAhead', () => {
  it.each([
    [100, 64],
    [1 << 20, 4],
    [4 << 20, 1],
    [64 << 20, 1],
  ])('reads objects of %i bytes %i at a time', async (size, atOnce) => {
    const { state, read } = source(size)
    let taken = 0
    let most = 0
    for await (const _ of readAhead(OIDS.slice(0, 200), read)) {
      taken += 1
      // The first ones are asked for before a size is known.
      if (taken > 64) most = Math.max(most, state.asked - taken + 1)
      if (taken === 150) break
    }
    expect(most).toBe(atOnce)
  })

  it('holds no more than one object, and 8 MiB of those to come, whatever their sizes', async () => {
    const size = fc.oneof(fc.nat(1 << 10), fc.nat(1 << 20), fc.nat(20 << 20))
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 200 }), async (sizes) => {
        const held = new Map<string, number>()
        const read = async (oid: string, hasRoom: HasRoom) => {
          const bytes = sizes[Number(oid)]!
          await new Promise((resolve) => setImmediate(resolve))
          if (!hasRoom(bytes)) return NO_ROOM
          held.set(oid, bytes)
          return { oid, type: 'blob', content: Buffer.allocUnsafe(bytes) } as const
        }
        const got: string[] = []
        for await (const { oid } of readAhead(OIDS.slice(0, sizes.length), read)) {
          got.push(oid)
          held.delete(oid)
          const ahead = [...held.values()].reduce((sum, bytes) => sum + bytes, 0)
          expect(ahead).toBeLessThanOrEqual(8 << 20)
        }
        expect(got).toEqual(OIDS.slice(0, sizes.length))
      }),
      { numRuns: 50 },
    )
  })

  it('asks for nothing more when the consumer stops', async () => {
    const { state, read } = source(100)
    for await (const _ of readAhead(OIDS, read)) break
    expect(state.asked).toBe(4)
  })

  it('asks for nothing when it is aborted before it starts', async () => {
    const { state, read } = source(100)
    const all = readAhead(OIDS, read, AbortSignal.abort(new Error('enough')))
    await expect(all.next()).rejects.toThrow('enough')
    expect(state.asked).toBe(0)
  })

  it('is aborted while a read never ends', async () => {
    const controller = new AbortController()
    const next = readAhead(OIDS, () => new Promise(() => undefined), controller.signal).next()
    controller.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
  })
})
