import { RemoteFailedError } from '../../repository/git-process-errors.ts'

/** So often a push may be lost to another one that is under way, and has not moved the branch yet. */
const MOST_LOST = 5

const HINT =
  'It takes no push, though nobody else pushed: a git that was killed may have left the lock of the branch there. The cause holds all that git said.'

/** Tells pushes that somebody else was faster than from those that the remote cannot take at all. */
export class LostPushes {
  private from: string | undefined
  private count = 0

  /**
   * A push was lost that was to come after a commit.
   *
   * @throws what is wrong, where many were lost in a row and the branch stayed at that commit
   */
  add(error: RemoteFailedError, from: string): void {
    this.count = from === this.from ? this.count + 1 : 1
    this.from = from
    if (this.count < MOST_LOST) return
    const { remote, mayHaveArrived, cause } = error
    throw new RemoteFailedError(remote, 'unknown', { mayHaveArrived, cause, hint: HINT })
  }
}
