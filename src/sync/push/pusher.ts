import type { TransferOptions } from '../../repository/remote.ts'
import { type PushParts, pushCommit } from './push-commit.ts'

interface PusherParts extends PushParts {
  /** What the branch is at. */
  readonly head: () => string
}

/** The pushes of a log, remote by remote. */
export class Pushers {
  private readonly pushers = new Map<string, Pusher>()

  constructor(private readonly parts: PusherParts) {}

  /** @throws RemoteFailedError, InvalidRemoteError, GitMissingError */
  push(remote: string, options: TransferOptions = {}): Promise<void> {
    const pusher = this.pushers.get(remote) ?? new Pusher(this.parts, remote)
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
    private readonly parts: PusherParts,
    private readonly remote: string,
  ) {}

  /** @throws RemoteFailedError, InvalidRemoteError, GitMissingError */
  push(options: TransferOptions = {}): Promise<void> {
    this.next ??= this.current.then(() => {
      this.next = undefined
      const pushed = this.pushHead(options)
      this.current = pushed.catch(() => undefined)
      return pushed
    })
    return this.next
  }

  private async pushHead(options: TransferOptions): Promise<void> {
    const outcome = await pushCommit(this.parts, this.remote, this.parts.head(), options)
    if (outcome.kind !== 'pushed') throw outcome.error
  }
}
