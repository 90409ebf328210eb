import { MemoirError } from '../event/errors.ts'

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag'

/** A Git object whose bytes were checked against its id. */
export interface GitObject {
  readonly oid: string
  readonly type: ObjectType
  readonly content: Buffer
}

/** A reader was asked, or still at work, when it was closed. */
export class ReaderClosedError extends MemoirError {
  readonly code = 'reader-closed'

  constructor() {
    super('the reader of Git objects is closed', { hint: 'Open the log again to read from it.' })
  }
}

/**
 * Reads Git objects. A port with two engines that pass the same tests: a long-lived `git cat-file`
 * process, and one that reads the files itself and needs no git binary.
 *
 * Every object is checked against its SHA-1 when it is read, because git does not re-hash what it reads
 * from a pack.
 */
export interface GitReader extends AsyncDisposable {
  readonly engine: 'git' | 'isomorphic'
  /**
   * Reads one object by its full id.
   *
   * @throws ObjectMissingError, ObjectCorruptError, ObjectTooLargeError, ReaderClosedError
   */
  read(oid: string): Promise<GitObject>
  /**
   * Reads many, in the order asked, reading ahead by about 4 MiB, 8 at most, and at most 64 objects. Stops at the
   * first object that cannot be read, with the error that `read` has for it.
   */
  readMany(oids: readonly string[], signal?: AbortSignal): AsyncIterable<GitObject>
  /**
   * The content sizes in bytes, in the order asked, without reading the contents where that is possible.
   *
   * @throws ObjectMissingError
   */
  sizes(oids: readonly string[]): Promise<number[]>
  /**
   * Whether `ancestor` is `descendant` or can be reached from it.
   *
   * @throws ObjectMissingError
   */
  isAncestor(ancestor: string, descendant: string): Promise<boolean>
  /** Forgets cached packs: call it after a repack. */
  refresh(): void
}
