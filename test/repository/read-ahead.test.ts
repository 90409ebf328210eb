import { describe, expect, it } from 'vitest'
import type { GitObject } from '../../src/repository/git-reader.ts'
import { readAhead } from '../../src/repository/read-ahead.ts'

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
    [64 << 20, 2],
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

  it('asks for nothing more when the consumer stops', async () => {
    const { state, read } = source(100)
    for await (const _ of readAhead(OIDS, read)) break
    expect(state.asked).toBe(64)
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
