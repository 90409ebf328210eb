import { deserialize, serialize } from 'node:v8'
import type { BranchState } from '../log/branch.ts'
import type { LogIndex } from '../log/log-index.ts'
import type { Notice } from '../log/log-state.ts'
import { fileError, removeQuietly, replaceFile } from '../repository/durable-file.ts'
import type { GitReader } from '../repository/git-reader.ts'
import type { File, FileSystem } from '../system/file-system.ts'
import { CommitCheck } from './commit-check.ts'
import { SnapshotDamagedError } from './errors.ts'
import { decodeIndex, encodeIndex, indexMemory } from './index-snapshot.ts'
import type { Projection } from './projection.ts'
import type { SavedState } from './running-projection.ts'
import { KEEP_ALL, type Piece, SnapshotFile, writeSnapshot } from './snapshot-file.ts'
import { fileName, INDEX, type IndexAhead, type Subject, snapshotPositions } from './snapshot-folder.ts'
import { ENCODING, type SnapshotHeader } from './snapshot-head.ts'

export interface SnapshotStoreOptions {
  /** Where the files lie; made when the first one is written. */
  readonly directory: string
  readonly fileSystem: FileSystem
  /** From the log's manifest. */
  readonly logId: string
  readonly notify: (notice: Notice) => void
  /** The newest index, if it was begun to be opened already. */
  readonly ahead?: Promise<IndexAhead | undefined> | undefined
}

/** A snapshot that is taken and not written yet: it waits for the commit that holds its events. */
export interface TakenSnapshot {
  readonly header: SnapshotHeader
  readonly parts: readonly (readonly Piece[])[]
}

/** How many snapshots of a projection stand on the disk: the older one serves time travel. */
const KEPT = { projection: 2, index: 1 }

/**
 * The snapshots of a log: files that spare a replay, and never more than that. Whatever is wrong with one,
 * it is as if it were not there.
 */
export class SnapshotStore {
  private check: CommitCheck | undefined
  private ahead: Promise<IndexAhead | undefined> | undefined
  /** What the index was loaded from, and looks into. */
  private indexFile: SnapshotFile | undefined

  constructor(private readonly options: SnapshotStoreOptions) {
    this.ahead = options.ahead
  }

  /** The newest index that fits the branch. It is whole until this store is closed. */
  async loadIndex(branch: BranchState, reader: GitReader): Promise<LogIndex | undefined> {
    for await (const file of this.find(INDEX, branch, reader, branch.position)) {
      const index = this.decodeIndex(file)
      if (index !== undefined && index.count === file.header.position) {
        this.indexFile = file
        return index
      }
      await file.close()
    }
    return undefined
  }

  private decodeIndex(file: SnapshotFile): LogIndex | undefined {
    try {
      return decodeIndex(file)
    } catch (cause) {
      this.reportDamaged(INDEX, file.header.position, cause)
      return undefined
    }
  }

  /** The newest state of a projection that fits the branch, not after a position. */
  async loadProjection(
    projection: Projection<unknown>,
    branch: BranchState,
    reader: GitReader,
    upTo = branch.position,
  ): Promise<SavedState | undefined> {
    for await (const file of this.find(subjectOf(projection), branch, reader, upTo)) {
      const { position } = file.header
      try {
        return { state: deserialize(file.keptPiece(0, 0)!), position }
      } catch (cause) {
        this.reportDamaged(subjectOf(projection), position, cause)
      } finally {
        await file.close()
      }
    }
    return undefined
  }

  /** Takes the index as it stands now, all of its events included. Costs a copy of what changes in it. */
  takeIndex(index: LogIndex): TakenSnapshot {
    return this.take(INDEX, index.count, encodeIndex(index))
  }

  /**
   * Takes a projection's state as it stands now. Costs as much as `structuredClone`.
   *
   * @throws whatever V8 cannot serialise
   */
  takeProjection(projection: Projection<unknown>, { state, position }: SavedState): TakenSnapshot {
    const bytes = serialize(state)
    return this.take(subjectOf(projection), position, [[() => bytes]])
  }

  /**
   * Writes a snapshot durably, and removes those of the same subject that are no longer needed.
   *
   * @param commit holds the events up to the snapshot's position
   * @throws DiskFullError, PermissionDeniedError, FileFailedError
   */
  async write({ header, parts }: TakenSnapshot, commit: string): Promise<void> {
    const { directory, fileSystem } = this.options
    try {
      await fileSystem.makeDirectory(directory)
      const content = (file: File) => writeSnapshot(file, { header, commit }, parts)
      await replaceFile(fileSystem, `${directory}/${fileName(header, header.position)}`, content)
      await fileSystem.syncDirectory(directory)
      await this.removeOthers(header, header.position)
    } catch (error) {
      throw fileError(directory, error)
    }
  }

  /** Closes what the index looks into. */
  async close(): Promise<void> {
    const ahead = await this.takeAhead()
    await ahead?.file?.close()
    await this.indexFile?.close()
  }

  private take(subject: Subject, position: number, parts: readonly (readonly Piece[])[]): TakenSnapshot {
    const header = { ...subject, log: this.options.logId, position, encoding: ENCODING }
    return { header, parts }
  }

  /** Snapshots that fit the branch, newest first. Whoever gets one closes it. */
  private async *find(
    subject: Subject,
    branch: BranchState,
    reader: GitReader,
    upTo: number,
  ): AsyncGenerator<SnapshotFile> {
    const positions = (await this.positions(subject)).filter((position) => position <= upTo)
    for (const position of positions) {
      const file = await this.open(subject, position)
      if (file === undefined) continue
      const fits = this.fits(file.header, subject, position)
      if (fits && (await this.checkFor(branch, reader).holds(file.commit, position))) yield file
      else await file.close()
    }
  }

  private fits(header: SnapshotHeader, { kind, name, version }: Subject, position: number): boolean {
    return (
      header.kind === kind &&
      header.name === name &&
      header.version === version &&
      header.position === position &&
      header.log === this.options.logId &&
      header.encoding === ENCODING
    )
  }

  private async open(subject: Subject, position: number): Promise<SnapshotFile | undefined> {
    const { directory, fileSystem } = this.options
    const path = `${directory}/${fileName(subject, position)}`
    let file: SnapshotFile | undefined
    try {
      const ahead = subject === INDEX ? await this.takeAhead() : undefined
      if (ahead?.path === path) file = ahead.file
      else {
        await ahead?.file?.close()
        file = await SnapshotFile.open(fileSystem, path, subject === INDEX ? indexMemory : KEEP_ALL)
      }
    } catch {
      return undefined
    }
    if (file === undefined) this.reportDamaged(subject, position)
    return file
  }

  private takeAhead(): Promise<IndexAhead | undefined> | undefined {
    const { ahead } = this
    this.ahead = undefined
    return ahead
  }

  private positions(subject: Subject): Promise<number[]> {
    return snapshotPositions(subject, this.options.directory, this.options.fileSystem)
  }

  /**
   * One of a later position than the newest is of a history that is void. What a crash left half written
   * goes too. That something cannot be removed does no harm.
   */
  private async removeOthers(subject: Subject, newest: number): Promise<void> {
    const { directory, fileSystem } = this.options
    const positions = await this.positions(subject)
    const kept = positions.filter((position) => position <= newest).slice(0, KEPT[subject.kind])
    const unneeded = positions.filter((position) => !kept.includes(position))
    const temporary = (await fileSystem.list(directory)).filter((name) => name.startsWith('tmp_obj_'))
    for (const name of [...unneeded.map((position) => fileName(subject, position)), ...temporary]) {
      await removeQuietly(fileSystem, `${directory}/${name}`)
    }
  }

  private checkFor(branch: BranchState, reader: GitReader): CommitCheck {
    if (this.check?.branch !== branch) this.check = new CommitCheck(branch, reader)
    return this.check
  }

  private reportDamaged({ name }: Subject, position: number, cause?: unknown): void {
    const error = new SnapshotDamagedError(name, position, cause)
    this.options.notify({ kind: 'snapshot-failed', projection: name, error })
  }
}

function subjectOf({ name, version }: Projection<unknown>): Subject {
  return { kind: 'projection', name, version }
}
