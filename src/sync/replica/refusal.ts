import { MemoirError } from '../../event/errors.ts'
import { RemoteFailedError } from '../../repository/git-process-errors.ts'

/** The errors that are about what a remote holds, rather than about reaching it or about this machine. */
const REFUSALS: ReadonlySet<string> = new Set([
  'history-changed',
  'history-forked',
  'invalid-batch',
  'manifest-invalid',
  'merge-commit',
  'newer-format',
  'not-a-log',
  'object-corrupt',
  'object-missing',
  'object-too-large',
  'other-log',
  'remote-emptied',
  'remote-rewound',
  'remote-rewritten',
  'replica-replaced',
  'unexpected-entry',
])

/** Whether an error says that what was fetched must not be taken in. */
export function isRefusal(error: unknown): error is MemoirError & { readonly code: string } {
  if (error instanceof RemoteFailedError) return error.kind === 'unsound'
  return error instanceof MemoirError && REFUSALS.has(error.code)
}
