export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag'

/** A Git object whose bytes were checked against its id. */
export interface GitObject {
  readonly oid: string
  readonly type: ObjectType
  readonly content: Buffer
}

/**
 * Reads Git objects. A port with two engines that pass the same tests: a long-lived `git cat-file`
 * process, and isomorphic-git, which needs no git binary.
 *
 * Every object is checked against its SHA-1 when it is read, because git does not re-hash what it reads
 * from a pack.
 */
export interface GitReader extends AsyncDisposable {
  readonly engine: 'git' | 'isomorphic'
  /**
   * @throws ObjectMissingError, ObjectCorruptError, ObjectTooLargeError
   */
  read(oid: string): Promise<GitObject>
  /** Reads many, in the order asked, reading ahead by a bounded number of bytes. */
  readMany(oids: readonly string[], signal?: AbortSignal): AsyncIterable<GitObject>
  /** The content sizes in bytes, in the order asked, without reading the contents where that is possible. */
  sizes(oids: readonly string[]): Promise<number[]>
  /** Whether `ancestor` is `descendant` or can be reached from it. */
  isAncestor(ancestor: string, descendant: string): Promise<boolean>
  /** Forgets cached packs: needed after a repack. */
  refresh(): void
}
