import { RemoteFailedError } from '../repository/git-process-errors.ts'

/**
 * The commit of a remote whose objects git refused: it is not downloaded again while the remote stays there.
 *
 * Which commit that was is known only where the remote was asked before, which costs a connection. So it is asked
 * once something was refused, and what git refuses is downloaded twice at most.
 */
export class RefusedHead {
  private refused: { readonly commit: string | undefined; readonly error: RemoteFailedError } | undefined

  /** Whether something was refused since the last fetch that was not. */
  get isThere(): boolean {
    return this.refused !== undefined
  }

  /**
   * Fetches, unless the remote is where it was refused.
   *
   * @param head where the remote is, as far as that is known
   * @throws what the fetch throws, or threw for the same commit
   */
  async fetch<T>(head: string | undefined, fetch: () => Promise<T>): Promise<T> {
    if (head !== undefined && head === this.refused?.commit) throw this.refused.error
    try {
      const fetched = await fetch()
      this.refused = undefined
      return fetched
    } catch (error) {
      if (error instanceof RemoteFailedError && error.kind === 'unsound')
        this.refused = { commit: head, error }
      throw error
    }
  }
}
