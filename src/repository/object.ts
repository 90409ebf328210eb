import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { ObjectCorruptError } from './errors.ts'
import type { ObjectType } from './git-reader.ts'

/** An object ready to be written. */
export interface EncodedObject {
  readonly oid: string
  readonly type: ObjectType
  readonly content: Buffer
  /** The header and the content: what is hashed, and deflated into a loose file. */
  readonly framed: Buffer
}

/** Modes as they stand in a tree: octal, without a leading zero. */
export const DIRECTORY_MODE = '40000'
export const FILE_MODE = '100644'

/** One name in a tree. */
export interface TreeEntry {
  readonly mode: string
  readonly name: string
  readonly oid: string
}

const OID_BYTES = 20
const MODE = /^[1-7][0-7]{4,5}$/

/** What stands before the content of an object, in its hash and in its loose file. */
export function objectHeader(type: ObjectType, size: number): Buffer {
  return Buffer.from(`${type} ${size}\0`, 'latin1')
}

/** Names a content: one SHA-1 over it (0.6 ms a MiB), without copying it. */
export function objectId(type: ObjectType, content: Uint8Array): string {
  return createHash('sha1').update(objectHeader(type, content.length)).update(content).digest('hex')
}

/** Whether a text is the id of an object, all of it: a commit's, for one. */
export function isObjectId(text: string): boolean {
  return OBJECT_ID.test(text)
}

const OBJECT_ID = /^[0-9a-f]{40}$/

/** Puts the parts of a content behind its header, which is the only copy that is made of it, and names it. */
export function encodeObject(type: ObjectType, ...parts: readonly Uint8Array[]): EncodedObject {
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  const header = objectHeader(type, size)
  const framed = Buffer.concat([header, ...parts])
  const oid = createHash('sha1').update(framed).digest('hex')
  return { oid, type, content: framed.subarray(header.length), framed }
}

/** A tree of these entries, in any order: git's own order is made here. Names are the caller's to check. */
export function encodeTree(entries: readonly TreeEntry[]): EncodedObject {
  const rows = entries
    .map(({ mode, name, oid }) => ({ mode, name: toByteText(name), oid }))
    .map((row) => ({ head: `${row.mode} ${row.name}\0`, key: sortKey(row.mode, row.name), oid: row.oid }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
  const content = Buffer.allocUnsafe(rows.reduce((size, { head }) => size + head.length + OID_BYTES, 0))
  let at = 0
  for (const { head, oid } of rows) {
    at += content.write(head, at, 'latin1')
    const written = content.write(oid, at, OID_BYTES, 'hex')
    if (written !== OID_BYTES) throw new RangeError(`${JSON.stringify(oid)} is not an object id`)
    at += OID_BYTES
  }
  return encodeObject('tree', content)
}

/**
 * The entries of a tree, in git's order. Trees are not trusted: what `git fsck --strict` calls an error
 * (order, duplicates, names such as `..` or `.git`) is refused here.
 *
 * @throws ObjectCorruptError
 */
export function parseTree(content: Uint8Array): TreeEntry[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
  const entries: TreeEntry[] = []
  const names = new Set<string>()
  let previousKey = ''
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const nul = bytes.indexOf(0, space)
    const end = nul + 1 + OID_BYTES
    if (space < 0 || nul < 0 || end > bytes.length) throw corrupt('tree', content, 'an entry is cut off')
    const mode = bytes.toString('latin1', at, space)
    if (!MODE.test(mode)) throw corrupt('tree', content, `${JSON.stringify(mode)} is not a mode`)
    const byteText = bytes.toString('latin1', space + 1, nul)
    const name = fromByteText(byteText)
    if (name === undefined) throw corrupt('tree', content, 'a name is not UTF-8')
    if (isForbidden(name)) throw corrupt('tree', content, `${JSON.stringify(name)} is not a name`)
    const key = sortKey(mode, byteText)
    if (key <= previousKey || names.has(name)) {
      throw corrupt('tree', content, `${JSON.stringify(name)} is out of order or there twice`)
    }
    previousKey = key
    names.add(name)
    entries.push({ mode, name, oid: bytes.toString('hex', nul + 1, end) })
    at = end
  }
  return entries
}

/** Git sorts a directory as if its name ended in a slash. */
function sortKey(mode: string, byteText: string): string {
  return mode === DIRECTORY_MODE ? `${byteText}/` : byteText
}

const ASCII = /^[\x00-\x7f]*$/

/** UTF-8, a character for each byte: such texts compare as git compares bytes, with no buffer for each name. */
function toByteText(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

function fromByteText(byteText: string): string | undefined {
  if (ASCII.test(byteText)) return byteText
  const bytes = Buffer.from(byteText, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/**
 * Besides what is no name at all: what some file system would take for `.git`, because it folds case, ignores
 * invisible characters (HFS+), or knows short names, streams and trailing dots (NTFS).
 */
function isForbidden(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return true
  return name.split('\\').some((part) => DOT_GIT.test(part.replace(INVISIBLE, '')))
}

const DOT_GIT = /^(?:\.git|git~\d+)[ .]*(?::|$)/i
const INVISIBLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/** Who made a commit. */
export interface Person {
  readonly name: string
  readonly email: string
}

/** Who made a commit, and when: in milliseconds since 1970, though git keeps whole seconds. */
export interface Signature extends Person {
  readonly timeMs: number
}

export interface Commit {
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: Signature
  readonly committer: Signature
  readonly message: string
}

/** What a new commit is made of. Its author is its committer too. */
export interface NewCommit {
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: Person
  readonly timeMs: number
  readonly message: string
}

/** A commit, its time in UTC. Characters that git does not allow in names and messages are left out. */
export function encodeCommit({ tree, parents, author, timeMs, message }: NewCommit): EncodedObject {
  const seconds = Math.max(0, Math.floor(timeMs / 1000))
  const signature = `${cleanName(author.name) || 'unknown'} <${cleanName(author.email)}> ${seconds} +0000`
  const lines = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${signature}`,
    `committer ${signature}`,
    '',
    message.replaceAll('\0', ''),
  ]
  return encodeObject('commit', Buffer.from(lines.join('\n'), 'utf8'))
}

/**
 * The parts of a commit. Headers that we have no use for (a signature, an encoding) are skipped.
 *
 * @throws ObjectCorruptError
 */
export function parseCommit(content: Uint8Array): Commit {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString('utf8')
  let at = 0
  // Line by line: a regular expression for all of them ends with a RangeError where a stranger wrote 300,000 parents.
  const take = (name: string): string | undefined => {
    const end = text.startsWith(`${name} `, at) ? text.indexOf('\n', at) : -1
    if (end < 0) return undefined
    const value = text.slice(at + name.length + 1, end)
    at = end + 1
    return value
  }
  const tree = take('tree')
  const parents: string[] = []
  for (let parent = take('parent'); parent !== undefined; parent = take('parent')) parents.push(parent)
  const [author, committer] = [take('author'), take('committer')]
  const hasAll = tree !== undefined && author !== undefined && committer !== undefined
  if (!hasAll || !isObjectId(tree) || !parents.every(isObjectId)) {
    throw corrupt('commit', content, 'it does not start with a tree, parents, author and committer')
  }
  const blank = text.indexOf('\n\n', at - 1)
  return {
    tree,
    parents,
    author: parseSignature(author, content),
    committer: parseSignature(committer, content),
    message: blank < 0 ? '' : text.slice(blank + 2),
  }
}

function parseSignature(text: string, commit: Uint8Array): Signature {
  const match = /^([^<>]*?) ?<([^<>]*)> (\d{1,12}) [+-]\d{4}$/.exec(text)
  if (!match) throw corrupt('commit', commit, 'its author or committer is malformed')
  const [, name = '', email = '', seconds] = match
  return { name, email, timeMs: Number(seconds) * 1000 }
}

/** As git does: no angle brackets or line ends anywhere, no punctuation at the ends. */
function cleanName(text: string): string {
  return text.replace(/[<>\n\0]/g, '').replace(/^[\x00-\x20.,:;"\\']+|[\x00-\x20.,:;"\\']+$/g, '')
}

function corrupt(type: ObjectType, content: Uint8Array, what: string): ObjectCorruptError {
  return new ObjectCorruptError(encodeObject(type, content).oid, what)
}
