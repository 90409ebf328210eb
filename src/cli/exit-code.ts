import { MemoirError } from '../event/errors.ts'
import { InterruptedError } from './errors.ts'

/** How a command ended: documented in docs/cli.md. */
export const ExitCode = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  notFound: 3,
  conditionNotMet: 4,
  corrupt: 5,
  remoteFailed: 6,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Every error code, by what a script can do about it. */
const ENDINGS: readonly (readonly [ExitCode, readonly string[]])[] = [
  [ExitCode.done, ['output-closed']],
  [
    ExitCode.failed,
    [
      'backlog-full',
      'backup-locked',
      'clock-wrong',
      'disk-full',
      'file-failed',
      'git-failed',
      'git-missing',
      'head-detached',
      'invalid-projection',
      'journal-failed',
      'journal-full',
      'journal-misuse',
      'log-closed',
      'log-diverged',
      'log-locked',
      'log-rewritten',
      'maintenance-running',
      'newer-format',
      'not-shown',
      'object-too-large',
      'output-failed',
      'permission-denied',
      'projection-stopped',
      'read-only',
      'reader-closed',
      'ref-invalid',
      'ref-locked',
      'ref-moved',
      'seal-failed',
      'unsupported-repository',
      'work-tree',
    ],
  ],
  [
    ExitCode.wrongUsage,
    [
      'append-too-large',
      'event-too-large',
      'input-file',
      'invalid-data',
      'invalid-event',
      'invalid-import',
      'invalid-json',
      'invalid-remote',
      'invalid-stream',
      'projection-module',
      'time-backwards',
      'usage',
    ],
  ],
  [
    ExitCode.notFound,
    [
      'backup-missing',
      'commit-not-found',
      'conflict-not-found',
      'entry-not-found',
      'event-not-found',
      'not-a-log',
      'not-a-repository',
      'pending-not-found',
      'stream-not-found',
      'unknown-projection',
    ],
  ],
  [ExitCode.conditionNotMet, ['append-stored', 'append-withdrawn', 'concurrency', 'duplicate-id']],
  [
    ExitCode.corrupt,
    [
      'backup-damaged',
      'branch-unreadable',
      'history-changed',
      'invalid-batch',
      'journal-corrupt',
      'manifest-invalid',
      'object-corrupt',
      'object-missing',
      'other-log',
      'replica-replaced',
      'snapshot-changed',
      'snapshot-damaged',
      'unexpected-entry',
    ],
  ],
  [
    ExitCode.remoteFailed,
    [
      'backup-foreign',
      'history-forked',
      'merge-commit',
      'not-confirmed',
      'not-pushed',
      'remote-branch-missing',
      'remote-emptied',
      'remote-failed',
      'remote-rewound',
      'remote-rewritten',
    ],
  ],
  [ExitCode.interrupted, ['interrupted']],
]

const BY_CODE = new Map(ENDINGS.flatMap(([ending, codes]) => codes.map((code) => [code, ending] as const)))

const BY_SIGNAL: Readonly<Record<InterruptedError['signal'], ExitCode>> = {
  SIGHUP: ExitCode.hungUp,
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated,
}

/** The exit code for an error with this code; undefined for a code that is not known. */
export function findExitCode(code: string): ExitCode | undefined {
  return BY_CODE.get(code)
}

/** The exit code for whatever was thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof InterruptedError) return BY_SIGNAL[error.signal]
  const known = error instanceof MemoirError ? findExitCode(error.code) : undefined
  return known ?? ExitCode.failed
}
