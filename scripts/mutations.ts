/** One thing that keeps the log's promises, taken out. */
export interface Mutation {
  readonly name: string
  /** Below `src/`. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly text: string
  readonly replacement: string
  /** Folders and files below `test/`, one of whose tests has to turn red. */
  readonly tests: readonly string[]
}

const JOURNAL = ['journal']
/** What creates a file without a sync. */
const unsynced = (path: string, content: string) =>
  `fileSystem.open(${path}, 'wx', 0o444).then(async (file) => {
    await file.write(${content}, 0, ${content}.length, 0)
    await file.close()
  })`
const STATES = ['crash/crash-states', 'log/faults']

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'no O_DSYNC on the journal',
    file: 'journal/segment.ts',
    text: 'constants.O_WRONLY | (SYNCS_ON_WRITE ? constants.O_DSYNC : 0)',
    replacement: 'constants.O_WRONLY',
    tests: JOURNAL,
  },
  {
    name: 'no fsync of a full journal segment',
    file: 'journal/segment.ts',
    text: 'await syncOrFail(() => this.plain.syncData(), this.directory)\n    this.#isDirty = false\n    this.#durable',
    replacement: 'this.#isDirty = false\n    this.#durable',
    tests: JOURNAL,
  },
  {
    name: 'no fsync of a durable append after one that was only written',
    file: 'journal/segment.ts',
    text: 'await syncOrFail(() => this.plain.syncData(), this.directory)\n      this.#isDirty = false',
    replacement: 'this.#isDirty = false',
    tests: JOURNAL,
  },
  {
    name: 'no directory fsync after a journal segment got its name',
    file: 'journal/segment.ts',
    text: 'await syncOrFail(() => fileSystem.syncDirectory(this.directory), this.directory)',
    replacement: '',
    tests: JOURNAL,
  },
  {
    name: 'no directory fsync after the journal was made',
    file: 'journal/directory.ts',
    text: 'for (const created of missing) await fileSystem.syncDirectory(dirname(created))',
    replacement: '',
    tests: JOURNAL,
  },
  {
    name: 'no directory fsync after a journal segment was removed',
    file: 'journal/file-journal.ts',
    text: 'await fileSystem.remove(oldest.path).catch(ignoreMissing)\n        await fileSystem.syncDirectory(directory)',
    replacement: 'await fileSystem.remove(oldest.path).catch(ignoreMissing)',
    tests: JOURNAL,
  },
  {
    name: 'no second write of what recovery found',
    file: 'journal/repair.ts',
    text: 'await segment.repair(bytes.subarray(scan.durable, scan.end), scan.durable)',
    replacement: 'void bytes',
    tests: JOURNAL,
  },
  {
    name: 'a refused frame stays where it was written',
    file: 'journal/segment.ts',
    text: 'await this.#undo(frame.length)',
    replacement: '',
    tests: JOURNAL,
  },
  {
    name: 'no cut of a refused frame where the segment grew with it',
    file: 'journal/segment.ts',
    text: 'await this.plain.truncate(this.#end)',
    replacement: '',
    tests: JOURNAL,
  },
  {
    name: 'no fsync after a refused frame was cut off',
    file: 'journal/segment.ts',
    text: 'await this.plain.sync()',
    replacement: '',
    tests: JOURNAL,
  },
  {
    name: 'no look whether the file system is up, where the segment grew',
    file: 'journal/segment.ts',
    text: "durability === 'durable' && !this.isFilled",
    replacement: "durability === 'durable' && this.isFilled",
    tests: JOURNAL,
  },
  {
    name: 'no look at how much of a frame was written',
    file: 'journal/segment.ts',
    text: 'if (written < bytes.length)',
    replacement: 'if (written < 0)',
    tests: JOURNAL,
  },
  {
    name: 'no checksum of journal frames',
    file: 'journal/frame.ts',
    text: 'crc32(bytes.subarray(offset + 8, end)) !== bytes.readUInt32LE(offset + 4)',
    replacement: 'offset < 0',
    tests: JOURNAL,
  },
  {
    name: 'no comparison of positions between journal frames',
    file: 'journal/recovery.ts',
    text: 'frame.first === last + 1',
    replacement: 'frame.first > 0',
    tests: JOURNAL,
  },
  {
    name: 'no refusal of damage before a frame that vouches for it',
    file: 'journal/recovery.ts',
    text: 'witness.durable > offset',
    replacement: 'witness.durable < 0',
    tests: JOURNAL,
  },
  {
    name: 'appends after the disk failed',
    file: 'journal/file-journal.ts',
    text: 'if (this.#failure !== undefined) throw this.#failure\n    if (this.#isClosed)',
    replacement: 'if (this.#isClosed)',
    tests: JOURNAL,
  },
  {
    name: 'no fsync of objects',
    file: 'repository/durable-file.ts',
    text: 'content)\n      await file.sync()',
    replacement: 'content)',
    tests: ['repository/object-store', 'repository/creation'],
  },
  {
    name: 'no directory fsync after objects got their names',
    file: 'repository/loose-writer.ts',
    text: 'await slots.forEach([...fanOut, directory], (path) => fileSystem.syncDirectory(path))',
    replacement: 'void fanOut',
    tests: ['repository/object-store'],
  },
  {
    name: 'no fsync of a pack',
    file: 'repository/pack-file.ts',
    text: 'createFile(fileSystem, temporaryPack, pack, 0o444)',
    replacement: unsynced('temporaryPack', 'pack'),
    tests: ['repository/object-store'],
  },
  {
    name: 'no fsync of the index of a pack',
    file: 'repository/pack-file.ts',
    text: 'createFile(fileSystem, temporaryIndex, index, 0o444)',
    replacement: unsynced('temporaryIndex', 'index'),
    tests: ['repository/object-store'],
  },
  {
    name: 'no directory fsync after a pack got its names',
    file: 'repository/pack-writer.ts',
    text: 'await fileSystem.syncDirectory(this.#folder)',
    replacement: '',
    tests: ['repository/object-store'],
  },
  {
    name: 'no directory fsync after the folder of packs was made',
    file: 'repository/pack-writer.ts',
    text: 'if (!hadFolder) await fileSystem.syncDirectory(directory)',
    replacement: '',
    tests: ['repository/object-store'],
  },
  {
    name: 'nothing keeps a pack until the branch leads to it',
    file: 'repository/pack-file.ts',
    text: 'await fileSystem.rename(temporaryKeep, keepPath)',
    replacement: '',
    tests: ['repository/object-store'],
  },
  {
    name: 'a pack stays kept when the branch leads to it',
    file: 'log/committer.ts',
    text: 'await store.settle()',
    replacement: '',
    tests: ['sync/upkeep'],
  },
  {
    name: 'the index of a pack gets its name before the pack',
    file: 'repository/pack-file.ts',
    text: 'await fileSystem.rename(temporaryPack, packPath)',
    replacement:
      'await fileSystem.rename(temporaryIndex, indexPath)\n    await fileSystem.rename(temporaryPack, packPath)\n    return keepPath',
    tests: ['repository/object-store'],
  },
  {
    name: 'a pack that the branch may lead to is removed when it cannot be written again',
    file: 'repository/pack-file.ts',
    text: 'if (await isMissing(fileSystem, indexPath))',
    replacement: 'if (indexPath !== packPath)',
    tests: ['repository/object-store'],
  },
  {
    name: 'no fsync of a ref',
    file: 'repository/ref-update.ts',
    text: 'await file.sync()',
    replacement: '',
    tests: ['repository/ref-update'],
  },
  {
    name: 'no directory fsync after a ref was moved',
    file: 'repository/ref-update.ts',
    text: 'await syncParents(fileSystem, gitDirectory, ref)',
    replacement: '',
    tests: ['repository/ref-update', ...STATES],
  },
  {
    name: 'the journal forgets what a branch holds that was never synced',
    file: 'log/open-event-log.ts',
    text: 'makeDurable(hold, fileSystem, hold.lock?.stoodAt, branch.commit)',
    replacement: 'Promise.resolve()',
    tests: ['log/unsynced-branch'],
  },
  {
    name: 'no fsync of loose objects that others committed',
    file: 'repository/history-sync.ts',
    text: 'for (const oid of lines) await syncObject(oid)',
    replacement: '',
    tests: ['log/unsynced-branch'],
  },
  {
    name: 'no directory fsync after others committed',
    file: 'repository/history-sync.ts',
    text: 'fileSystem.syncDirectory(folder)',
    replacement: 'Promise.resolve()',
    tests: ['log/unsynced-branch'],
  },
  {
    name: 'no fsync of what others committed while nobody had the log open',
    file: 'log/open-event-log.ts',
    text: 'hold.lock?.stoodAt',
    replacement: 'undefined',
    tests: ['log/unsynced-branch'],
  },
  {
    name: 'no fsync of a branch that others moved',
    file: 'log/open-event-log.ts',
    text: 'await syncRef(fileSystem, gitDirectory, repository.branch)',
    replacement: '',
    tests: ['log/unsynced-branch'],
  },
  {
    name: 'no directory fsync after a repository was made',
    file: 'repository/creation.ts',
    text: 'for (const name of DIRECTORIES) await fileSystem.syncDirectory(resolve(folder, name))',
    replacement: '',
    tests: ['repository/creation'],
  },
  {
    name: 'no directory fsync for the folder of the journal',
    file: 'log/log-repository.ts',
    text: 'await fileSystem.syncDirectory(repository.gitDirectory)',
    replacement: '',
    tests: [...STATES, 'log/sealing'],
  },
  {
    name: 'no comparison of a ref with what was expected',
    file: 'repository/ref-update.ts',
    text: 'if (value?.oid !== expected)',
    replacement: 'if (value === null)',
    tests: ['repository/ref-update'],
  },
  {
    name: 'no hash check of objects that git gives',
    file: 'repository/git-process-reader.ts',
    text: 'if (actual !== oid)',
    replacement: 'if (oid === undefined)',
    tests: ['repository/git-reader'],
  },
  {
    name: 'no checksum of snapshots',
    file: 'image/snapshot-file.ts',
    text: 'if (done < length || !together.every(isWhole)) return undefined',
    replacement: '',
    tests: ['image/snapshot', 'crash/rot'],
  },
  {
    name: 'no checksum of what an index looks up in its snapshot',
    file: 'image/snapshot-file.ts',
    text: 'if (done === length && crc32(into.subarray(0, done)) === checksum) return',
    replacement: 'if (done === length) return',
    tests: ['image/index-snapshot'],
  },
  {
    name: 'no comparison of the expected version',
    file: 'log/append-check.ts',
    text: 'if (!meetsExpectedVersion(expected, actual))',
    replacement: 'if (actual < 0)',
    tests: ['log/append'],
  },
  {
    name: 'no look at the condition',
    file: 'log/append-check.ts',
    text: 'if (match !== undefined) throw',
    replacement: 'if (match === 0) throw',
    tests: ['log/append'],
  },
  {
    name: 'positions of refused appends are not given out again',
    file: 'log/appender.ts',
    text: 'this.parts.log.index.truncate(this.parts.log.visible.position)',
    replacement: '',
    tests: ['log/faults', 'log/append'],
  },
  {
    name: 'no comparison of the journal with the branch',
    file: 'log/recovery.ts',
    text: 'return lines.id(last - first) === journaled.id(journaled.count - 1)',
    replacement: 'return lines.count > 0 && first > 0 && journaled.count > 0',
    tests: ['crash/foreign-journal'],
  },
  {
    name: 'no look whether the owner of the lock runs',
    file: 'system/process-identity.ts',
    text: '?? isRunning(owner)\n',
    replacement: '?? false\n',
    tests: ['log/writer-lock.test'],
  },
  {
    name: 'no look for the sign of life of a writer in another container',
    file: 'system/process-identity.ts',
    text: '(canBeSeen ? await looksAlive(sign) : undefined) ?? isRunning(owner)',
    replacement: 'isRunning(owner)',
    tests: ['log/writer-lock-containers'],
  },
  {
    name: 'no second look at who owns the lower locks',
    file: 'log/writer-lock.ts',
    text: 'if (locked !== undefined) {',
    replacement: 'if (locked !== undefined && others.length === 0) {',
    tests: ['log/writer-lock.test'],
  },
  {
    name: 'no look whether the branch is where it was compared',
    file: 'log/follower.ts',
    text: 'if (before.commit !== from) throw',
    replacement: "if (before.commit === '') throw",
    tests: ['sync/pull-beside-appends'],
  },
  {
    name: 'what could not be shown is passed over',
    file: 'log/follower.ts',
    text: 'await this.finish()\n        await this.adopt(',
    replacement: 'await this.adopt(',
    tests: ['log/follower'],
  },
  {
    name: 'no look whether the size of a packed object is a number',
    file: 'repository/pack-entry.ts',
    text: 'if (!Number.isSafeInteger(size)) throw',
    replacement: 'if (size < 0) throw',
    tests: ['repository/small-packs'],
  },
]
