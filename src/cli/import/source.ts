import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { errorCode } from '../../repository/durable-file.ts'
import { InputFileError } from '../errors.ts'
import { openInput, standardInput } from '../input-stream.ts'
import { ImportError } from './imported-event.ts'
import { peek } from './peek.ts'

const GZIP = Buffer.from([0x1f, 0x8b])
const PIECE = 1 << 18

/** Kinds of files that can be imported. */
export type ImportFormat = 'csv' | 'jsonl' | 'cloudevents'

/**
 * The format that a file's name tells, with or without `.gz`; undefined where it tells none. A `.json` file
 * counts as `jsonl`, whose reader takes an array too; CloudEvents have to be asked for.
 */
export function detectFormat(name: string): ImportFormat | undefined {
  const extension = /\.([a-z]+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase()
  if (extension === 'csv' || extension === 'tsv') return 'csv'
  return extension === 'jsonl' || extension === 'ndjson' || extension === 'json' ? 'jsonl' : undefined
}

/**
 * The bytes of a file, or of standard input for `-`, piece by piece. Gzip is recognised by its first bytes,
 * whatever the name, and unpacked on the fly.
 *
 * @throws InputFileError when the file cannot be read; ImportError when its gzip data is damaged; the signal's reason.
 */
export async function* openSource(
  path: string,
  signal: AbortSignal,
  stdin = () => standardInput(signal),
): AsyncGenerator<Uint8Array> {
  try {
    yield* gunzipped(path === '-' ? stdin() : await openInput(path, signal))
  } catch (cause) {
    signal.throwIfAborted()
    const code = errorCode(cause)
    if (code?.startsWith('Z_')) {
      throw new ImportError(
        undefined,
        `its gzip data is damaged or cut off (${code})`,
        'Fetch it again.',
        cause,
      )
    }
    throw new InputFileError(path, cause)
  }
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { start, all } = await peek(source, (start) => start.length >= GZIP.length)
  if (!start.subarray(0, GZIP.length).equals(GZIP)) return yield* all
  const unpacked = new PassThrough({ highWaterMark: PIECE })
  // A failure reaches the reader through the destroyed stream.
  pipeline(Readable.from(all), createGunzip(), unpacked).catch(() => {})
  yield* unpacked
}
