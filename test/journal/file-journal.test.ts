import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { JournalCorruptError, JournalMisuseError } from '../../src/journal/errors.ts'
import { openFileJournal } from '../../src/journal/file-journal.ts'
import { groupEntries, type JournalEntry } from '../../src/journal/journal.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { entry, fill, readAll, recover, temporaryDirectory } from './journal-fixture.ts'

const SMALL = 4096

async function segmentsIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).sort()
}

async function flipBit(path: string, byte: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[byte]! ^= 1
  await writeFile(path, bytes)
}

describe('the file journal', () => {
  it('gives back what was appended, in order, after it is opened again', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1, 3), entry(4)], [entry(5)])
    expect(await recover({ directory })).toEqual([entry(1, 3), entry(4), entry(5)])
  })

  it('gives back any run of appends over many segments and openings', async () => {
    const append = fc.record({
      sizes: fc.array(fc.nat(3000), { minLength: 1, maxLength: 4 }),
      durability: fc.constantFrom('written', 'durable'),
      reopen: fc.boolean(),
    })
    const run = fc.asyncProperty(fc.array(append, { maxLength: 20 }), async (appends) => {
      const directory = await temporaryDirectory()
      const expected: JournalEntry[] = []
      let journal = await openFileJournal({ directory, segmentBytes: SMALL })
      for (const { sizes, durability, reopen } of appends) {
        const from = expected.length + 1
        const entries = sizes.map((bytes, index) => entry(from + index, 1, bytes))
        await journal.append(groupEntries(entries), durability)
        expected.push(...entries)
        if (!reopen) continue
        await journal.close()
        journal = await openFileJournal({ directory, segmentBytes: SMALL })
      }
      await journal.close()
      expect(await recover({ directory })).toEqual(expected)
    })
    await fc.assert(run, { numRuns: 30 })
  })

  it('starts at the position that the first append has', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1_234_567)])
    expect(await segmentsIn(directory)).toEqual(['000001234567.journal'])
    expect(await recover({ directory })).toEqual([entry(1_234_567)])
  })

  it('writes no segment before the first append', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory })
    expect(await segmentsIn(directory)).toEqual([])
  })

  it('keeps to one small segment while little is appended', async () => {
    const directory = await temporaryDirectory()
    for (let position = 1; position <= 5; position++) await fill({ directory }, [entry(position)])
    expect(await segmentsIn(directory)).toEqual(['000000000001.journal'])
    expect((await stat(join(directory, '000000000001.journal'))).size).toBe(256 * 1024)
  })

  it('makes a segment as large as an entry needs', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory, segmentBytes: SMALL }, [entry(1)], [entry(2, 1, 100_000)], [entry(3)])
    expect(await recover({ directory })).toEqual([entry(1), entry(2, 1, 100_000), entry(3)])
  })

  it('reads only entries that stood in it when it was opened', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1)])
    const journal = await openFileJournal({ directory })
    await journal.append(groupEntries([entry(2)]), 'durable')
    expect(await readAll(journal)).toEqual([entry(1)])
    await journal.close()
  })

  it('says how many bytes and segments it keeps', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory })
    expect(journal.status()).toEqual({ bytes: 0, segments: 0, failure: undefined })
    await journal.append(groupEntries([entry(1)]), 'durable')
    expect(journal.status()).toEqual({ bytes: 256 * 1024, segments: 1, failure: undefined })
    await journal.close()
  })

  it('refuses entries that leave a gap, go back, or are empty', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory })
    await journal.append(groupEntries([entry(1, 2)]), 'durable')
    for (const wrong of [
      [entry(4)],
      [entry(2)],
      [entry(3), entry(5)],
      [{ first: 3, count: 0, lines: Buffer.alloc(0) }],
    ]) {
      const append = async () => journal.append(groupEntries(wrong), 'durable')
      await expect(append()).rejects.toThrow(JournalMisuseError)
    }
    await journal.append(groupEntries([entry(3)]), 'durable')
    await journal.close()
    await expect(journal.append(groupEntries([entry(4)]), 'durable')).rejects.toThrow(JournalMisuseError)
  })

  it('refuses an append that begins before the last one has ended', async () => {
    const journal = await openFileJournal({ directory: await temporaryDirectory() })
    const running = journal.append(groupEntries([entry(1)]), 'durable')
    await expect(journal.append(groupEntries([entry(2)]), 'durable')).rejects.toThrow(JournalMisuseError)
    await running
    await journal.close()
  })
})

describe('a segment', () => {
  it('is filled ahead for small frames, and grows with large ones', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory, segmentBytes: SMALL, largeFrameBytes: 300 })
    const sizes = async () => {
      const names = (await segmentsIn(directory)).filter((name) => name.endsWith('.journal'))
      return Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
    }
    let position = 0
    const append = async (bytes: number) => {
      await journal.append(groupEntries([entry(++position, 1, bytes)]), 'durable')
      await journal.release(position)
    }
    await append(10)
    expect(await sizes()).toEqual([SMALL])
    for (let frame = 0; frame < 8; frame++) await append(900)
    const [grown, ...others] = await sizes()
    expect(others).toEqual([])
    expect(grown).toBeLessThan(SMALL)
    expect(journal.status().bytes).toBe(grown)
    // The next segment is prepared in the background.
    await vi.waitFor(async () => {
      await append(10)
      expect(await sizes()).toEqual([SMALL])
    })
    await journal.close()
  })
})

describe('releasing', () => {
  it('removes the segments whose entries are all released, and no others', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory, segmentBytes: SMALL })
    for (let position = 1; position <= 6; position++)
      await journal.append(groupEntries([entry(position, 1, 2500)]), 'durable')
    await journal.release(3)
    await journal.close()
    expect(await segmentsIn(directory)).toEqual([4, 5, 6].map((first) => `00000000000${first}.journal`))
    expect((await recover({ directory })).map(({ first }) => first)).toEqual([4, 5, 6])
  })

  it('does not give back entries that a later frame calls released', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory })
    await journal.append(groupEntries([entry(1), entry(2)]), 'durable')
    await journal.release(1)
    await journal.append(groupEntries([entry(3)]), 'durable')
    await journal.close()
    expect(await recover({ directory })).toEqual([entry(2), entry(3)])
  })

  it('lets the positions jump once everything before is released', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory, segmentBytes: SMALL })
    await journal.append(groupEntries([entry(1)]), 'durable')
    await journal.release(8)
    await journal.append(groupEntries([entry(9)]), 'durable')
    await journal.append(groupEntries([entry(10, 1, 4000)]), 'durable')
    await journal.close()
    expect(await recover({ directory })).toEqual([entry(9), entry(10, 1, 4000)])
  })

  it('does not let them jump over entries that are not released', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1)])
    const journal = await openFileJournal({ directory })
    await expect(journal.append(groupEntries([entry(9)]), 'durable')).rejects.toThrow(JournalMisuseError)
    await journal.release(1)
    await journal.append(groupEntries([entry(9)]), 'durable')
    await journal.close()
  })

  it('keeps the disk use bounded however much passes through', async () => {
    const directory = await temporaryDirectory()
    const journal = await openFileJournal({ directory, segmentBytes: SMALL })
    for (let position = 1; position <= 100; position++) {
      await journal.append(groupEntries([entry(position, 1, 500)]), 'durable')
      await journal.release(position)
      expect(journal.status().bytes).toBeLessThanOrEqual(3 * SMALL)
    }
    await journal.close()
    expect((await segmentsIn(directory)).length).toBe(1)
  })
})

describe('a damaged journal', () => {
  it('is cut where the last write was torn, and goes on there', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, '000000000001.journal')
    await fill({ directory }, [entry(1)], [entry(2)])
    const size = Buffer.byteLength(entry(1).lines) + 48
    await flipBit(path, 2 * size - 5)
    expect(await recover({ directory })).toEqual([entry(1)])
    expect((await readFile(path)).subarray(size).every((byte) => byte === 0)).toBe(true)
    await fill({ directory }, [entry(2, 5)])
    expect(await recover({ directory })).toEqual([entry(1), entry(2, 5)])
  })

  it('is refused with the place, and left as it is, when a later frame vouches for it', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, '000000000001.journal')
    await fill({ directory }, [entry(1)], [entry(2)], [entry(3)])
    const size = Buffer.byteLength(entry(1).lines) + 48
    await flipBit(path, size + 60)
    const before = await readFile(path)
    const refusal = await openFileJournal({ directory }).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(JournalCorruptError)
    expect(refusal).toMatchObject({ code: 'journal-corrupt', path, offset: size })
    expect(await readFile(path)).toEqual(before)
  })

  it('is refused when a segment ends in damage and another comes after it', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, '000000000001.journal')
    await fill({ directory, segmentBytes: SMALL }, [entry(1, 1, 3000)], [entry(2, 1, 3000)])
    await flipBit(path, 100)
    await expect(openFileJournal({ directory })).rejects.toMatchObject({ path, offset: 0 })
  })

  it('is refused when a segment in the middle is missing, emptied or shortened', async () => {
    for (const damage of ['missing', 'emptied', 'shortened'] as const) {
      const directory = await temporaryDirectory()
      const entries = [1, 2, 3].map((first) => [entry(first, 1, 3000)])
      await fill({ directory, segmentBytes: SMALL }, ...entries)
      const middle = join(directory, '000000000002.journal')
      if (damage === 'missing') await nodeFileSystem.remove(middle)
      else if (damage === 'emptied') await writeFile(middle, Buffer.alloc(SMALL))
      else await truncate(middle, 1000)
      await expect(openFileJournal({ directory }), damage).rejects.toThrow(JournalCorruptError)
    }
  })

  it('loses no entry to files that were left half made', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1)])
    await writeFile(join(directory, 'next.tmp'), 'half')
    await writeFile(join(directory, '000000000002.journal'), '')
    await writeFile(join(directory, '000000000003.journal'), Buffer.alloc(99))
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    expect(await recover({ directory, fileSystem })).toEqual([entry(1)])
    expect(await segmentsIn(directory)).toEqual(['000000000001.journal'])
    const methods = fileSystem.calls.map(({ method }) => method)
    expect(methods.indexOf('syncDirectory')).toBeGreaterThan(methods.lastIndexOf('remove'))
  })
})

describe('a journal opened to be read only', () => {
  it('reads the same and changes nothing on the disk', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1)], [entry(2)])
    const size = Buffer.byteLength(entry(1).lines) + 48
    await flipBit(join(directory, '000000000001.journal'), size + 60)
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const journal = await openFileJournal({ directory, fileSystem, readOnly: true })
    expect(await readAll(journal)).toEqual([entry(1)])
    await expect(journal.append(groupEntries([entry(2)]), 'durable')).rejects.toThrow(JournalMisuseError)
    await journal.close()
    expect(new Set(fileSystem.calls.map(({ method }) => method))).toEqual(new Set(['list', 'readFile']))
  })

  it('looks again when it saw a write half that was whole a moment later', async () => {
    /** Gives the first file that is read as it was in the middle of a write. */
    class SeesHalf extends FaultyFileSystem {
      #isFirst = true
      override async readFile(path: string): Promise<Buffer> {
        const bytes = await super.readFile(path)
        if (this.#isFirst) bytes.fill(0, 100)
        this.#isFirst = false
        return bytes
      }
    }
    const directory = await temporaryDirectory()
    await fill({ directory, segmentBytes: SMALL }, [entry(1, 1, 3000)], [entry(2, 1, 3000)])
    const fileSystem = new SeesHalf(nodeFileSystem)
    const seen = await recover({ directory, fileSystem, readOnly: true })
    expect(seen).toEqual([entry(1, 1, 3000), entry(2, 1, 3000)])
  })

  it('refuses damage that stays', async () => {
    const directory = await temporaryDirectory()
    await fill({ directory }, [entry(1)], [entry(2)])
    await flipBit(join(directory, '000000000001.journal'), 50)
    await expect(openFileJournal({ directory, readOnly: true })).rejects.toThrow(JournalCorruptError)
  })

  it('is empty where there is no directory', async () => {
    const directory = join(await temporaryDirectory(), 'none')
    const journal = await openFileJournal({ directory, readOnly: true })
    expect(await readAll(journal)).toEqual([])
    await journal.close()
  })

  it('reads a true beginning of what another one is writing', async () => {
    const directory = await temporaryDirectory()
    const writer = await openFileJournal({ directory, segmentBytes: 16 * 1024 })
    let written = 0
    const writing = (async () => {
      for (; written < 300; written++)
        await writer.append(groupEntries([entry(written + 1, 1, written * 5)]), 'written')
    })()
    while (written < 300) {
      const before = written
      const seen = await recover({ directory, readOnly: true })
      expect(seen.map(({ first }) => first)).toEqual(seen.map((_, index) => index + 1))
      expect(seen.length).toBeGreaterThanOrEqual(before)
    }
    await writing
    await writer.close()
  })
})
