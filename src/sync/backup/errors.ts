import { MemoirError } from '../../event/errors.ts'
import type { ProcessIdentity } from '../../system/process-identity.ts'

/** A folder holds no backup. */
export class BackupMissingError extends MemoirError {
  readonly code = 'backup-missing'
  constructor(readonly directory: string) {
    super(`${directory} holds no backup`, {
      hint: 'Check the folder, and whether it is mounted. `memoir backup <dir>` makes a backup.',
    })
  }
}

/** A backup does not belong to this log, or to another history of it. Nothing was written. */
export class BackupForeignError extends MemoirError {
  readonly code = 'backup-foreign'
  constructor(
    readonly directory: string,
    /** What tells them apart. */
    readonly what: string,
  ) {
    super(`the backup in ${directory} ${what}`, {
      hint: 'Back up into another folder. Keep this backup until you know which history is right.',
    })
  }
}

/** A file of a backup is missing, or not what was written. */
export class BackupDamagedError extends MemoirError {
  readonly code = 'backup-damaged'
  constructor(
    readonly directory: string,
    /** The name of the file. */
    readonly file: string,
    readonly what: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`backup ${directory}, ${file}: ${what}`, {
      ...details,
      hint: 'Restore from a remote or from another copy of the backup, and back up the log anew into an empty folder.',
    })
  }
}

/** Another process writes to the backup. */
export class BackupLockedError extends MemoirError {
  readonly code = 'backup-locked'
  constructor(
    readonly path: string,
    readonly owner: ProcessIdentity,
  ) {
    super(`the backup is being written by process ${owner.pid} on ${owner.host}, since ${owner.since}`, {
      hint: `Wait until it is done. If that process died on another machine, remove its lock: ${path}`,
    })
  }
}
