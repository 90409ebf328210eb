import { isUtf8 } from 'node:buffer'
import { ImportError } from './imported-event.ts'

const LF = 0x0a
const MARK = Buffer.from('\ufeff')
const REPLACEMENT = Buffer.from('\ufffd')

/**
 * Passes UTF-8 on, cut between whole characters and without a byte order mark at its start.
 *
 * @throws ImportError at the first byte that is not UTF-8, with line and byte offset.
 */
export async function* checkUtf8(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let line = 1
  let offset = 0
  for await (const piece of wholeCharacters(bytes)) {
    const chunk = offset === 0 ? withoutMark(piece) : piece
    if (!isUtf8(chunk)) refuse(chunk, line, offset + piece.length - chunk.length)
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) line++
    offset += piece.length
    if (chunk.length > 0) yield chunk
  }
}

/** Cuts between characters, and gives no first piece too short to hold a byte order mark. */
async function* wholeCharacters(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let carried = Buffer.alloc(0)
  let isStart = true
  for await (const piece of bytes) {
    const chunk = Buffer.concat([carried, piece])
    const end = isStart && chunk.length < MARK.length ? 0 : wholeEnd(chunk)
    carried = Buffer.from(chunk.subarray(end))
    if (end === 0) continue
    isStart = false
    yield chunk.subarray(0, end)
  }
  if (carried.length > 0) yield carried
}

/** Where the last whole character ends, as far as its first byte tells. */
function wholeEnd(chunk: Buffer): number {
  for (let back = 1; back <= Math.min(3, chunk.length); back++) {
    const byte = chunk[chunk.length - back]!
    if (byte < 0x80) break
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length > back ? chunk.length - back : chunk.length
    }
  }
  return chunk.length
}

function withoutMark(chunk: Buffer): Buffer {
  if ((chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff)) {
    throw new ImportError(1, 'the file is UTF-16', 'Save it as UTF-8; spreadsheets call it "CSV UTF-8".')
  }
  return chunk.subarray(0, MARK.length).equals(MARK) ? chunk.subarray(MARK.length) : chunk
}

function refuse(chunk: Buffer, firstLine: number, offset: number): never {
  const at = findInvalid(chunk)
  const line = firstLine + chunk.subarray(0, at).toString('latin1').split('\n').length - 1
  throw new ImportError(
    line,
    `byte ${offset + at} of the file is not UTF-8`,
    'Save the file as UTF-8; it may be Latin-1 or Windows-1252.',
  )
}

/** Offset of the first byte that is not UTF-8: where decoding gives U+FFFD that is not in the bytes. */
export function findInvalid(chunk: Buffer): number {
  const text = chunk.toString()
  let at = 0
  let from = 0
  for (;;) {
    const found = text.indexOf('\ufffd', from)
    at += Buffer.byteLength(text.slice(from, found))
    if (!chunk.subarray(at, at + REPLACEMENT.length).equals(REPLACEMENT)) return at
    at += REPLACEMENT.length
    from = found + 1
  }
}
