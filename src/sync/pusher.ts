import { pushBranch, type TransferOptions } from '../repository/remote.ts'
import type { Repository } from '../repository/repository.ts'

/** The pushes of a log, remote by remote. */
export class Pushers {
  private readonly pushers = new Map<string, Pusher>()

  constructor(private readonly repository: Repository) {}

  /** @throws RemoteFailedError, InvalidRemoteError, GitMissingError */
  push(remote: string, options: TransferOptions = {}): Promise<void> {
    const pusher = this.pushers.get(remote) ?? new Pusher(this.repository, remote)
    this.pushers.set(remote, pusher)
    return pusher.push(options)
  }
}

/**
 * Pushes the branch, one push at a time: calls that come while one is under way share the next, which
 * takes along whatever was committed until it starts.
 */
class Pusher {
  private current: Promise<void> = Promise.resolve()
  private next: Promise<void> | undefined

  constructor(
    private readonly repository: Repository,
    private readonly remote: string,
  ) {}

  /** @throws RemoteFailedError, InvalidRemoteError, GitMissingError */
  push(options: TransferOptions = {}): Promise<void> {
    this.next ??= this.current.then(() => {
      this.next = undefined
      const pushed = pushBranch(this.repository, this.remote, this.repository.branch, options)
      this.current = pushed.catch(() => undefined)
      return pushed
    })
    return this.next
  }
}
