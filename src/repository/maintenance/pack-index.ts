/**
 * The ids of the objects in a pack, one after the other, from its index (version 2, the one git writes since 2008).
 *
 * @throws RangeError for bytes that are no such index
 */
export function* packedObjects(index: Buffer): Generator<string, void> {
  const isIndex = index.length >= TABLE && index.readUInt32BE(0) === MAGIC && index.readUInt32BE(4) === 2
  const count = isIndex ? index.readUInt32BE(TABLE - 4) : 0
  if (!isIndex || index.length < TABLE + count * OID_BYTES) throw new RangeError('not the index of a pack')
  for (let at = TABLE; at < TABLE + count * OID_BYTES; at += OID_BYTES) {
    yield index.toString('hex', at, at + OID_BYTES)
  }
}

const MAGIC = 0xff744f63
/** Where the ids begin: after magic, version and 256 cumulative counts, the last of which is that of all. */
const TABLE = 8 + 256 * 4
const OID_BYTES = 20
