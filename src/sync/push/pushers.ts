import { UsageError } from '../../event/errors.ts'
import { shownTimeOf } from '../../event/time.ts'
import { LogClosedError } from '../../log/errors.ts'
import type { Notice } from '../../log/log-state.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { moveRef } from '../../log/ref-move.ts'
import { readRef } from '../../repository/refs.ts'
import { configuredRemotes, getRemote, trackingRefOf } from '../../repository/remote.ts'
import { shownAddress } from '../../repository/remote-address.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import type { Clock } from '../../system/clock.ts'
import type { FileSystem } from '../../system/file-system.ts'
import type { RandomSource } from '../../system/random.ts'
import { type HostProfile, profileExcess, profileOf } from './host-profile.ts'
import { KnownRemote } from './known-remote.ts'
import type { PushResult } from './push-attempt.ts'
import type { PushSchedule } from './push-timing.ts'
import type { Pusher } from './pusher.ts'
import { type RemoteRecord, RemoteRecords } from './remote-record.ts'
import { type RemoteStatus, remoteStatus } from './remote-status.ts'

export interface PushersParts {
  readonly opened: OpenedLog
  /** Name or address of the authority: the remote that decides what the log's branch is. */
  readonly remote: string
  /** Undefined if nothing is pushed unless somebody asks. */
  readonly automatic: AutomaticPush | undefined
  readonly eventBytes: number
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly random: RandomSource
  readonly notify: (notice: Notice) => void
}

export interface AutomaticPush extends PushSchedule {
  readonly mirrors: readonly string[]
  readonly hosts: Readonly<Record<string, Partial<HostProfile>>>
  /** How long closing waits for last pushes, in milliseconds. */
  readonly closeWithin: number
}

const CLOSE_WITHIN_MS = 10_000

/**
 * The pushes of an open log to all its remotes: the authority, its mirrors, and whatever else is asked for.
 * Each goes its own way, so that one that fails holds up no other. But a mirror gets nothing while the
 * authority has another history: it would have to be forced back once the two agree.
 */
export class Pushers {
  private readonly known = new Map<string, KnownRemote>()
  private readonly pushers = new Map<string, Pusher>()
  private readonly records: RemoteRecords
  private isClosed = false

  private constructor(private readonly parts: PushersParts) {
    const { opened, fileSystem } = parts
    this.records = new RemoteRecords(`${opened.directory}/remotes`, fileSystem)
  }

  /** @throws InvalidRemoteError for one that is to be pushed to by itself, but is not configured */
  static async open(parts: PushersParts): Promise<Pushers> {
    const pushers = new Pushers(parts)
    for (const record of await pushers.records.load()) await pushers.restore(record.remote, record)
    await pushers.restore(parts.remote)
    for (const name of await configuredRemotes(parts.opened.repository)) {
      await pushers.restore(name)
      // One that was never seen is to be seen as well.
      pushers.knownAs(name)
    }
    if (parts.automatic !== undefined) await pushers.start(parts.automatic)
    return pushers
  }

  /** Says that the branch here moved. */
  branchMoved(): void {
    const { opened } = this.parts
    for (const known of this.known.values()) {
      const look = () => this.pushers.get(known.remote)?.look()
      if (known.isOutdated(opened.log.state.branch)) void known.bringUpToDate(opened).then(look)
      else look()
    }
  }

  /** Says where a remote was seen. */
  async seen(remote: string, commit: string): Promise<void> {
    const { opened, notify } = this.parts
    const known = this.knownAs(remote)
    await known.see(commit, opened)
    await known.save().catch((error) => notify({ kind: 'remote-not-recorded', error }))
  }

  /**
   * One remote by all its names, to say of it that it has all that is committed here. That is in the status at once;
   * `save` remembers it for the next process.
   *
   * @throws InvalidRemoteError
   */
  async allOf(remote: string): Promise<{ readonly reached: () => void; readonly save: () => Promise<void> }> {
    const { opened, clock, notify } = this.parts
    const addressOf = async (name: string) =>
      shownAddress((await getRemote(opened.repository, name, 'fetch')).address)
    const address = await addressOf(remote)
    const names = new Set([shownAddress(remote), ...(this.known.has(address) ? [address] : [])])
    for (const name of await configuredRemotes(opened.repository)) {
      // Another one may be configured badly.
      if ((await addressOf(name).catch(() => undefined)) === address) names.add(name)
    }
    const known = [...names].map((name) => this.knownAs(name))
    let isSeen = false
    const reached = () => {
      isSeen = true
      for (const one of known) {
        one.reached(opened.log.state.branch)
        one.succeeded(shownTimeOf(clock))
      }
    }
    const save = async () => {
      for (const one of isSeen ? known : []) {
        const saved = this.track(one).then(() => one.save())
        await saved.catch((error) => notify({ kind: 'remote-not-recorded', error }))
      }
    }
    return { reached, save }
  }

  /** Pushes what is committed, at once. @throws RemoteFailedError, InvalidRemoteError, GitMissingError */
  push(remote: string, options: TransferOptions): Promise<PushResult> {
    return this.pusherOf(remote).then((pusher) => pusher.push('now', options, this.withCredentials(remote)))
  }

  /** Resolves when the authority has what is committed now. @throws what `push` throws, and the signal's reason */
  whenPushed(options: TransferOptions): Promise<PushResult> {
    return this.pusherOf(this.parts.remote).then((pusher) => pusher.push('soon', options))
  }

  /** What is known of all remotes, the authority first. */
  status(): RemoteStatus[] {
    const authority = shownAddress(this.parts.remote)
    const { branch } = this.parts.opened.log.state
    const now = shownTimeOf(this.parts.clock)
    const statuses = [...this.known.values()].map((known) =>
      remoteStatus(known, { branch, now, authority, phase: this.pushers.get(known.remote)?.phase ?? 'idle' }),
    )
    return statuses.sort((a, b) => Number(b.isAuthority) - Number(a.isAuthority))
  }

  /** Makes last pushes, as far as there is anything to push by itself, and stops. */
  async close(): Promise<void> {
    const { closeWithin = CLOSE_WITHIN_MS } = this.parts.automatic ?? {}
    this.isClosed = true
    await Promise.all([...this.pushers.values()].map((pusher) => pusher.close(closeWithin)))
  }

  private async start({ mirrors }: AutomaticPush): Promise<void> {
    const { remote } = this.parts
    const names = [remote, ...mirrors]
    if (new Set(names.map(shownAddress)).size < names.length) {
      throw new UsageError('a remote is named twice', { hint: 'A mirror is another one than `remote`.' })
    }
    const { repository } = this.parts.opened
    for (const name of names) await getRemote(repository, name, 'push')
    for (const name of names) {
      if (name !== remote) await this.restore(name)
      const pusher = await this.pusherOf(name)
      pusher.look()
    }
  }

  private knownAs(remote: string): KnownRemote {
    const name = shownAddress(remote)
    const known = this.known.get(name) ?? new KnownRemote(name, this.records)
    this.known.set(name, known)
    return known
  }

  /** Takes up what was known of a remote: git's own ref for it, which every git moves, goes before the record. */
  private async restore(remote: string, record?: RemoteRecord): Promise<void> {
    const { opened, fileSystem } = this.parts
    const { repository } = opened
    const name = shownAddress(remote)
    if (this.known.has(name)) return
    const ref = trackingRefOf(remote, repository.branch)
    const tracked = ref && (await readRef(fileSystem, repository.gitDirectory, ref).catch(() => undefined))
    const commit = tracked ?? record?.head?.commit
    if (commit === undefined && record === undefined) return
    const known = new KnownRemote(name, this.records, record)
    this.known.set(name, known)
    if (commit !== undefined) await known.see(commit, opened)
  }

  /** Without any, an address stands for that of a remote of ours. */
  private withCredentials(remote: string): string {
    const { remote: authority, automatic } = this.parts
    const ours = [authority, ...(automatic?.mirrors ?? [])]
    const isBare = remote === shownAddress(remote)
    return (isBare && ours.find((address) => shownAddress(address) === remote)) || remote
  }

  /** Moves git's own ref for a remote with a name, as git does where it was given the name and not the address. */
  private async track({ remote, head }: KnownRemote): Promise<void> {
    const { opened, fileSystem, clock } = this.parts
    const { gitDirectory, branch } = opened.repository
    const ref = trackingRefOf(remote, branch)
    if (ref === undefined || head === undefined) return
    const expected = await readRef(fileSystem, gitDirectory, ref)
    if (expected === head.commit) return
    await moveRef(fileSystem, gitDirectory, ref, { expected, next: head.commit }, clock)
  }

  private async pusherOf(remote: string): Promise<Pusher> {
    const name = shownAddress(remote)
    const existing = this.pushers.get(name)
    if (existing !== undefined) return existing
    const pusher = await this.newPusher(remote)
    // Nobody would close it.
    if (this.isClosed) throw new LogClosedError()
    // Two may have asked at the same time.
    if (!this.pushers.has(name)) this.pushers.set(name, pusher)
    return this.pushers.get(name)!
  }

  private async newPusher(remote: string): Promise<Pusher> {
    const { opened, automatic, remote: authority, eventBytes, clock, random, notify } = this.parts
    const { address } = await getRemote(opened.repository, remote, 'push')
    const profile = profileOf(address, automatic?.hosts)
    const isMirror = automatic?.mirrors.includes(remote) ?? false
    const isAutomatic = automatic !== undefined && (remote === authority || isMirror)
    const { directories } = opened.log.state.branch.tree
    const directoryEntries = Math.max(0, ...directories.map(({ files }) => files.length))
    for (const excess of isAutomatic ? profileExcess(profile, { eventBytes, directoryEntries }) : []) {
      notify({ kind: 'push-advice', remote: shownAddress(remote), error: new UsageError(excess) })
    }
    // Most programs push nothing.
    const { Pusher } = await import('./pusher.ts')
    return new Pusher({
      opened,
      remote,
      known: this.knownAs(remote),
      schedule: isAutomatic ? automatic : undefined,
      profile,
      clock,
      random,
      notify,
      isHeld: () => isMirror && (this.pushers.get(shownAddress(authority))?.isForked ?? false),
      onEnded: () => {
        if (remote === authority) for (const mirror of this.pushers.values()) mirror.look()
      },
    })
  }
}
