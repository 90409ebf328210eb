import { RemoteFailedError } from '../../repository/git-process-errors.ts'

const WAY_OUT =
  'Where it refuses what an event holds: `log.pending()` or `memoir pending` lists what was accepted here without it, and withdrawing one of these lets the others go on.'

/** A failed push, with the way out where it may be blocked by what one of the appends in it holds. */
export function withWayOut(error: RemoteFailedError): RemoteFailedError {
  const { remote, kind, mayHaveArrived, cause, hint } = error
  if (kind !== 'refused' && kind !== 'too-large') return error
  return new RemoteFailedError(remote, kind, { mayHaveArrived, cause, hint: `${hint} ${WAY_OUT}` })
}
