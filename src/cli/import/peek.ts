/** The start of a source that was looked at, and the whole source, start included. */
interface Peeked {
  readonly start: Buffer
  readonly all: AsyncGenerator<Uint8Array>
}

/** Reads a source until its start is enough to decide by, or until its end. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  isEnough: (start: Buffer) => boolean,
): Promise<Peeked> {
  const pieces = source[Symbol.asyncIterator]()
  let start = Buffer.alloc(0)
  while (!isEnough(start)) {
    const next = await pieces.next()
    if (next.done) break
    start = Buffer.concat([start, next.value])
  }
  return { start, all: prepend(start, pieces) }
}

async function* prepend(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (start.length > 0) yield start
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
  } finally {
    // The reader may stop early: the source has to be closed then.
    await rest.return?.()
  }
}
