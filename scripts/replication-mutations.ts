import type { Mutation } from './mutations.ts'

const MAINTENANCE = ['repository/maintenance']
const BACKUP = ['sync/backup/backup']
const DAMAGE = ['sync/backup/damage']
const PUSH_COMMIT = ['sync/push/push-commit']

/** What keeps the promises of maintenance, backups and pushes. */
export const REPLICATION_MUTATIONS: readonly Mutation[] = [
  {
    name: 'no fsync of a pack before its loose copies go',
    file: 'repository/maintenance/maintenance.ts',
    text: 'await syncFile(this.options.fileSystem, `',
    replacement: 'void (`',
    tests: MAINTENANCE,
  },
  {
    name: 'no directory fsync before loose copies go',
    file: 'repository/maintenance/maintenance.ts',
    text: 'if (names.length > 0) await this.options.fileSystem.syncDirectory(this.packs)',
    replacement: '',
    tests: MAINTENANCE,
  },
  {
    name: 'no directory fsync before the packs go that the old multi-pack-index names',
    file: 'repository/maintenance/indexes.ts',
    text: 'Buffer.from(input))\n    await fileSystem.syncDirectory(folder)',
    replacement: 'Buffer.from(input))',
    tests: MAINTENANCE,
  },
  {
    name: 'packs go before the multi-pack-index that names them',
    file: 'repository/maintenance/maintenance.ts',
    text: 'await this.indexes.writeMultiPackIndex(stay, this.gitOf(run))',
    replacement: 'void stay',
    tests: MAINTENANCE,
  },
  {
    name: 'a merged pack goes when it is the merger itself',
    file: 'repository/maintenance/maintenance.ts',
    text: 'old.filter(({ name }) => !merged.includes(name))',
    replacement: '[...old]',
    tests: MAINTENANCE,
  },
  {
    name: 'no fsync of a bundle',
    file: 'sync/backup/bundle-file.ts',
    text: 'await file.sync()',
    replacement: '',
    tests: BACKUP,
  },
  {
    name: 'no directory fsync after a bundle got its name',
    file: 'sync/backup/bundle-file.ts',
    text: 'await syncNames({ directory, fileSystem })\n    return stored',
    replacement: 'return stored',
    tests: BACKUP,
  },
  {
    name: 'no comparison of a bundle with what is read back',
    file: 'sync/backup/bundle-file.ts',
    text: 'if (found.sha256 !== stored.sha256)',
    replacement: 'if (found.bytes < 0)',
    tests: BACKUP,
  },
  {
    name: 'no checksum of bundles',
    file: 'sync/backup/bundle-file.ts',
    text: 'if (sha256 !== bundle.sha256)',
    replacement: "if (sha256 === '')",
    tests: DAMAGE,
  },
  {
    name: 'no directory fsync after the catalog was replaced',
    file: 'sync/backup/backup.ts',
    text: 'Buffer.from(encodeCatalog(catalog)))\n  await syncNames(folder)',
    replacement: 'Buffer.from(encodeCatalog(catalog)))',
    tests: BACKUP,
  },
  {
    name: 'no comparison of the log with that of the backup',
    file: 'sync/backup/backup.ts',
    text: 'catalog.log !== manifest.id',
    replacement: "catalog.log === ''",
    tests: BACKUP,
  },
  {
    name: 'no look whether the log holds what the backup holds',
    file: 'sync/backup/backup.ts',
    text: 'if (!(await holdsCommit(target.commit, newest.commit, reader)))',
    replacement: 'if (reader === undefined)',
    tests: BACKUP,
  },
  {
    name: 'no comparison of a restored log with the catalog',
    file: 'sync/backup/restore.ts',
    text: 'if (whole.after.position !== last || timeOf(whole) !== time)',
    replacement: 'if (last < 0 || time === null)',
    tests: DAMAGE,
  },
  {
    name: 'a push that may have arrived is not looked for',
    file: 'sync/push/push-commit.ts',
    text: "if (doubt === undefined && error.kind !== 'conflict')",
    replacement: "if (error.kind !== 'conflict')",
    tests: PUSH_COMMIT,
  },
  {
    name: 'no look whether the remote has other commits',
    file: 'sync/push/push-commit.ts',
    text: "where: isBefore ? 'before' : 'elsewhere'",
    replacement: "where: isBefore || known !== undefined ? 'before' : 'elsewhere'",
    tests: PUSH_COMMIT,
  },
  {
    name: 'no look whether the remote has gone past the commit',
    file: 'sync/push/push-commit.ts',
    text: 'if (await reader.isAncestor(commit, known))',
    replacement: 'if (commit === known)',
    tests: PUSH_COMMIT,
  },
  {
    name: 'the record of a remote is believed under any name',
    file: 'sync/push/remote-record.ts',
    text: 'isRecord(record) && path.endsWith',
    replacement: 'isRecord(record) || path.endsWith',
    tests: ['sync/push/remote-status'],
  },
  {
    name: 'mirrors get what their authority has not',
    file: 'sync/push/pusher.ts',
    text: 'isHeld() ? undefined : schedule,\n      now,',
    replacement: 'schedule,\n      now,',
    tests: ['sync/push/automatic-push'],
  },
]
