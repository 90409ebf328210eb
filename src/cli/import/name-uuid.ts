import { createHash } from 'node:crypto'

/** Memoir's own namespace for names of imported events; changing it would import old files twice. */
const NAMESPACE = Buffer.from('6d656d6f697240008000696d706f7274', 'hex')

/** The UUID of a name, version 5 of RFC 9562: the same name gives the same id, always. */
export function nameUuid(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
