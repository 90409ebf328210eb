/** What Git objects, refs and files can do to us. */

import { MemoirError } from '../event/errors.ts'

/** An object that something refers to is not in the repository. */
export class ObjectMissingError extends MemoirError {
  readonly code = 'object-missing'

  constructor(
    readonly oid: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`object ${oid} is not in the repository`, {
      ...details,
      hint: 'Run "git fsck". Fetch the object from a remote or a backup that has it.',
    })
  }
}

/** The bytes of an object are not what its id or its type promise. `what` says what is wrong. */
export class ObjectCorruptError extends MemoirError {
  readonly code = 'object-corrupt'

  constructor(
    readonly oid: string,
    readonly what: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`object ${oid} is corrupt: ${what}`, {
      ...details,
      hint: 'Run "git fsck". Clone the repository again from a remote or a backup that is whole.',
    })
  }
}

/** An object is larger than we are willing to hold in memory. Sizes are in bytes. */
export class ObjectTooLargeError extends MemoirError {
  readonly code = 'object-too-large'

  constructor(
    readonly oid: string,
    readonly size: number,
    readonly limit: number,
  ) {
    super(`object ${oid} has ${size} bytes, the limit is ${limit}`, {
      hint: 'No batch of a log is that large: check who wrote this commit.',
    })
  }
}

/** The checked-out files of a non-bare repository could not be brought along with its branch. */
export class WorkTreeError extends MemoirError {
  readonly code = 'work-tree'

  constructor(
    readonly path: string,
    readonly what: string,
    details: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(`work tree ${path}: ${what}`, details)
  }
}

/** The disk has no room for a file. What was written of it is removed again. */
export class DiskFullError extends MemoirError {
  readonly code = 'disk-full'

  constructor(
    readonly path: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`no space left on the disk to write ${path}`, {
      ...details,
      hint: 'Make room on the disk, then try again. What was acknowledged is safe.',
    })
  }
}

/** The operating system does not let us write, or read, a path. */
export class PermissionDeniedError extends MemoirError {
  readonly code = 'permission-denied'

  constructor(
    readonly path: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`no permission for ${path}`, {
      ...details,
      hint: 'Check the owner and mode of this path, and whether its file system is mounted read-only.',
    })
  }
}

/** The file system failed for a reason that has no error of its own: see `cause`. */
export class FileFailedError extends MemoirError {
  readonly code = 'file-failed'

  constructor(
    readonly path: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`the file system failed at ${path}`, { ...details, hint: 'The cause says what it answered.' })
  }
}

/** A ref, or the name of one, is not what git allows. */
export class InvalidRefError extends MemoirError {
  readonly code = 'ref-invalid'

  constructor(
    readonly ref: string,
    readonly what: string,
  ) {
    super(`ref ${JSON.stringify(ref)} ${what}`, { hint: 'Run "git for-each-ref" to see the refs git knows.' })
  }
}

/** A ref does not stand where the caller saw it: somebody else moved it. Undefined means no such ref. */
export class RefMovedError extends MemoirError {
  readonly code = 'ref-moved'

  constructor(
    readonly ref: string,
    readonly expected: string | undefined,
    readonly actual: string | undefined,
  ) {
    super(`${ref} is at ${actual ?? 'no commit'}, expected ${expected ?? 'no commit'}`, {
      hint: 'Read what the other writer committed, then decide again.',
    })
  }
}

/** Another process holds the lock of a ref, or left it behind. */
export class RefLockedError extends MemoirError {
  readonly code = 'ref-locked'

  constructor(
    readonly ref: string,
    /** The lock file. */
    readonly path: string,
    readonly ageSeconds: number,
  ) {
    super(`${ref} has been locked for ${ageSeconds} s by ${path}`, {
      hint: 'If no git process is at work in this repository, remove the lock file, or run "memoir doctor --fix".',
    })
  }
}

/** HEAD names a commit and not a branch, so there is no branch to append to. */
export class DetachedHeadError extends MemoirError {
  readonly code = 'head-detached'

  constructor(readonly gitDirectory: string) {
    super(`HEAD of ${gitDirectory} is detached`, { hint: 'Check out a branch: "git switch main".' })
  }
}

/** A repository uses a feature of git that Memoir cannot write. */
export class UnsupportedRepositoryError extends MemoirError {
  readonly code = 'unsupported-repository'

  constructor(
    readonly path: string,
    readonly feature: string,
    details: { readonly hint?: string } = {},
  ) {
    super(`${path} uses ${feature}, which Memoir does not support`, {
      hint: 'Use a repository with SHA-1 objects and ref files: "memoir init" makes one.',
      ...details,
    })
  }
}

/** A path holds something that is no Git repository. */
export class NotARepositoryError extends MemoirError {
  readonly code = 'not-a-repository'

  constructor(
    readonly path: string,
    readonly what: string,
    /** Whether a new repository was to be made there, and not one to be found. */
    { isTaken = false, hint }: { readonly isTaken?: boolean; readonly hint?: string } = {},
  ) {
    super(
      isTaken
        ? `${path} cannot become a new repository: ${what}`
        : `${path} is not a Git repository: ${what}`,
      {
        hint:
          hint ??
          (isTaken
            ? 'Give the path of a new folder, or of an empty one.'
            : 'Give the path of a repository, or of an empty folder to create one.'),
      },
    )
  }
}

/** A repository, or a commit in it, holds no log. `missing` names what a log has and this has not. */
export class NotALogError extends MemoirError {
  readonly code = 'not-a-log'

  constructor(readonly missing: string) {
    super(`not a log: ${missing} is missing`, {
      hint: 'Check the path and the branch, or create a log with "memoir init".',
    })
  }
}

/** A log, or a backup of one, was written in a format that this version does not know. */
export class NewerFormatError extends MemoirError {
  readonly code = 'newer-format'

  constructor(
    readonly found: number,
    readonly known: number,
    what = 'the log',
  ) {
    super(`${what} has format ${found}, this version of Memoir knows formats up to ${known}`, {
      hint: 'Install a newer version of Memoir.',
    })
  }
}

/** memoir.yaml is not a manifest. `line` is counted from 1; `expected` says what should stand there. */
export class ManifestError extends MemoirError {
  readonly code = 'manifest-invalid'

  constructor(
    readonly line: number,
    readonly expected: string,
    details: { readonly cause?: unknown } = {},
  ) {
    super(`memoir.yaml, line ${line}: expected ${expected}`, {
      ...details,
      hint: 'Correct the file by hand and commit it, or go back to the last commit where it was right.',
    })
  }
}

/** The tree of a log holds an entry that the format has no place for. `mode` is octal, as git writes it. */
export class UnexpectedEntryError extends MemoirError {
  readonly code = 'unexpected-entry'

  constructor(
    readonly path: string,
    readonly mode: string,
    readonly what: string,
  ) {
    super(`unexpected entry ${JSON.stringify(path)} (mode ${mode}): ${what}`, {
      hint: 'Only Memoir writes under events/. Set the branch back to before the commit that brought this entry: one on top leaves it in the history.',
    })
  }
}
