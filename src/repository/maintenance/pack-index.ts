/**
 * The ids of the objects in a pack, from its index (version 2, the one git writes since 2008).
 *
 * @throws RangeError for bytes that are no such index
 */
export function packedObjects(index: Buffer): string[] {
  const isIndex = index.length >= TABLE && index.readUInt32BE(0) === MAGIC && index.readUInt32BE(4) === 2
  const count = isIndex ? index.readUInt32BE(TABLE - 4) : 0
  if (!isIndex || index.length < TABLE + count * OID_BYTES) throw new RangeError('not the index of a pack')
  return Array.from({ length: count }, (_, at) => {
    const start = TABLE + at * OID_BYTES
    return index.toString('hex', start, start + OID_BYTES)
  })
}

const MAGIC = 0xff744f63
/** Where the ids begin: after magic, version and 256 cumulative counts, the last of which is that of all. */
const TABLE = 8 + 256 * 4
const OID_BYTES = 20
