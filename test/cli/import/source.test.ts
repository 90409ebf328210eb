import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detectFormat, openSource } from '../../../src/cli/import/source.ts'
import { collect, errorOf } from './collect.ts'

const CONTENT = 'stream,type\na,T\n'.repeat(50_000)
const NEVER = new AbortController().signal
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoir-import-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function save(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

async function read(path: string, stdin?: Readable): Promise<string> {
  return Buffer.concat(await collect(openSource(path, NEVER, stdin && (() => stdin)))).toString()
}

describe('openSource', () => {
  it('reads a file, plain or compressed, whatever its name', async () => {
    expect(await read(await save('a.csv', CONTENT))).toBe(CONTENT)
    expect(await read(await save('a.csv.gz', gzipSync(CONTENT)))).toBe(CONTENT)
    expect(await read(await save('b.csv', gzipSync(CONTENT)))).toBe(CONTENT)
    expect(await read(await save('empty.csv', ''))).toBe('')
  })

  it('reads standard input, plain or compressed', async () => {
    expect(await read('-', Readable.from([Buffer.from('a'), Buffer.from('b')]))).toBe('ab')
    expect(await read('-', Readable.from([gzipSync(CONTENT)]))).toBe(CONTENT)
  })

  it('recognises gzip whose first bytes come one by one', async () => {
    const pieces = [...gzipSync('abc')].map((byte) => Buffer.from([byte]))
    expect(await read('-', Readable.from(pieces))).toBe('abc')
  })

  it('says when a file is not there', async () => {
    const read = collect(openSource(join(folder, 'nothing.csv'), NEVER))
    await expect(read).rejects.toMatchObject({
      code: 'input-file',
      message: expect.stringContaining('ENOENT'),
    })
  })

  it('says when gzip data is cut off', async () => {
    const path = await save('cut.csv.gz', gzipSync(CONTENT).subarray(0, 100))
    expect((await errorOf(openSource(path, NEVER))).message).toContain('gzip data is damaged or cut off')
  })
})

describe('detectFormat', () => {
  it.each([
    ['a.csv', 'csv'],
    ['/data/A.CSV', 'csv'],
    ['a.b.csv.gz', 'csv'],
    ['a.tsv', 'csv'],
    ['a.jsonl', 'jsonl'],
    ['a.ndjson.gz', 'jsonl'],
    ['a.json', 'jsonl'],
    ['a.txt', undefined],
    ['csv', undefined],
    ['-', undefined],
  ])('takes %s for %s', (name, format) => {
    expect(detectFormat(name)).toBe(format)
  })
})
