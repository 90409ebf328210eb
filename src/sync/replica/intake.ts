import { asError, UsageError } from '../../event/errors.ts'
import { readBranchState } from '../../log/branch.ts'
import { RefMovedError } from '../../repository/errors.ts'
import { RemoteFailedError } from '../../repository/git-process-errors.ts'
import { findRemoteHead } from '../../repository/remote-transfer.ts'
import { HistoryForkedError, RemoteEmptiedError, ReplicaReplacedError } from '../errors.ts'
import { findOtherBranch } from '../other-branch.ts'
import { Freshness, type FreshnessOptions } from './freshness.ts'
import { admit, compare, fetchIncoming, type Ports } from './gate.ts'
import { momentOf } from './moment.ts'
import type { Outcome } from './pace.ts'
import { isRefusal } from './refusal.ts'
import { peekAtRemote } from './remote-watch.ts'
import type { ReplicaPhase, ReplicaProblem } from './replica-state.ts'
import { describeRewrite, type Rewrite, replaceHistory } from './rewrite.ts'

export interface IntakeOptions extends Ports, FreshnessOptions {
  /** Address of the remote. */
  readonly remote: string
  /** How long the remote may stay silent, in milliseconds. */
  readonly timeoutMs: number
  /** The last commit that came from the remote and was checked. */
  readonly known: string
  /** Told after each move of the branch. */
  readonly onMoved: () => void
}

/** What is wrong, and with which commit of the remote. */
interface Trouble {
  readonly error: Error
  readonly commit: string | undefined
}

/** A commit may be named by so many of its first characters. */
const SHORTEST_NAME = 7

/**
 * Brings a replica to where its remote is: fetches, compares, checks, moves. One look at a time is the
 * caller's to keep.
 */
export class Intake {
  phase: ReplicaPhase = 'idle'
  readonly freshness: Freshness
  private known: string
  private trouble: Trouble | undefined
  /** What was refused last: it is not fetched again until the remote is somewhere else. */
  private refused: Trouble | undefined
  private answeredMs: number | undefined
  /** Whether the remote answers again, and nobody was told: that waits for the end of the look. */
  private isBack = false

  constructor(private readonly options: IntakeOptions) {
    this.freshness = new Freshness(options)
    this.known = options.known
  }

  get error(): Error | undefined {
    return this.trouble?.error
  }

  get problem(): ReplicaProblem | undefined {
    if (this.trouble === undefined) return undefined
    const { error, commit } = this.trouble
    return {
      code: 'code' in error ? String(error.code) : 'unknown',
      message: error.message,
      kind: error instanceof RemoteFailedError ? error.kind : undefined,
      commit,
    }
  }

  /** When the remote last answered, in milliseconds since 1970. */
  get lastAnswerMs(): number | undefined {
    return this.answeredMs
  }

  /** Once around. Never throws: what is wrong is the problem from then on. */
  async look(signal: AbortSignal): Promise<Outcome> {
    const { log } = this.options.opened
    const before = log.state.branch.commit
    let incoming: string | undefined
    try {
      incoming = await (this.refused === undefined ? this.peek() : this.ask(signal))
      if (this.isRefused(incoming)) return this.refuseAgain()
      incoming = await this.fetch(signal)
      if (this.isRefused(incoming)) return this.refuseAgain()
      await this.take(incoming, signal)
      this.trouble = undefined
      this.refused = undefined
      return this.end('idle', log.state.branch.commit === before ? 'nothing' : 'news')
    } catch (cause) {
      if (signal.aborted) return this.end('closed', 'nothing')
      return this.fail({ error: this.explained(cause, before), commit: incoming })
    }
  }

  /** @throws RemoteFailedError, RemoteEmptiedError, and what `describeRewrite` throws */
  async describeRewrite(signal: AbortSignal): Promise<Rewrite> {
    const { phase } = this
    try {
      return await describeRewrite(this.options.opened, await this.fetch(signal), signal)
    } finally {
      this.phase = phase
    }
  }

  /** @throws UsageError when the remote is at another commit, and what `replaceHistory` throws */
  async acceptRewrite(commit: string, signal: AbortSignal): Promise<Rewrite & { readonly replaced: string }> {
    const { phase } = this
    const incoming = await this.fetch(signal).finally(() => {
      this.phase = phase
    })
    if (commit.length < SHORTEST_NAME || !incoming.startsWith(commit)) {
      throw new UsageError(`the remote is at commit ${incoming}, not at ${JSON.stringify(commit)}`, {
        hint: 'Look at what would be lost, then name the commit that the remote is at.',
      })
    }
    const { opened } = this.options
    const rewrite = await describeRewrite(opened, incoming, signal)
    const replaced = await replaceHistory(opened, incoming, this.options, signal)
    this.trouble = undefined
    this.refused = undefined
    // Also where the replica was before: what is remembered outside of it may be what is given up.
    this.taken(incoming, { hasMoved: true })
    this.end('idle', 'news')
    await this.freshness.settled()
    return { ...rewrite, replaced }
  }

  /** @throws RemoteFailedError, GitMissingError, RemoteEmptiedError */
  private async fetch(signal: AbortSignal): Promise<string> {
    this.phase = 'fetching'
    const { opened, remote, timeoutMs } = this.options
    const { repository, log } = opened
    const isUnchanged = this.trouble === undefined && (await this.peek()) === log.state.branch.commit
    const fetched = isUnchanged
      ? log.state.branch.commit
      : await fetchIncoming(repository, remote, this.options, { tracks: false, timeoutMs, signal })
    this.answered()
    if (fetched !== undefined) return fetched
    this.freshness.fallsBehind()
    const other = await findOtherBranch({ ...this.options, repository }, remote, 'fetch', {
      timeoutMs,
      signal,
    })
    throw new RemoteEmptiedError(repository.branch, log.state.branch.commit, other)
  }

  private peek(): Promise<string | undefined> {
    const { opened, remote, fileSystem } = this.options
    return peekAtRemote(remote, opened.repository.branch, fileSystem)
  }

  /** Where the remote is, without fetching what is there: it was refused, and may be large. */
  private async ask(signal: AbortSignal): Promise<string | undefined> {
    this.phase = 'fetching'
    const { opened, remote, timeoutMs } = this.options
    const { repository } = opened
    const head =
      (await this.peek()) ??
      (await findRemoteHead(repository, remote, repository.branch, { timeoutMs, signal }))
    this.answered()
    return head
  }

  private answered(): void {
    this.answeredMs = momentOf(this.options.clock).clockMs
    if (this.trouble === undefined || isRefusal(this.trouble.error)) return
    this.trouble = undefined
    this.isBack = true
  }

  private tellIfBack(): void {
    if (!this.isBack) return
    this.isBack = false
    this.options.notify({ kind: 'remote-back' })
  }

  /** What the branch is at was accepted meanwhile, though it may not be shown yet. */
  private isRefused(incoming: string | undefined): boolean {
    const { branch } = this.options.opened.log.state
    return incoming !== undefined && this.refused?.commit === incoming && incoming !== branch.commit
  }

  private refuseAgain(): Outcome {
    this.trouble = this.refused
    return this.end('refusing', 'nothing')
  }

  private async take(incoming: string, signal: AbortSignal): Promise<void> {
    this.phase = 'checking'
    const { opened } = this.options
    const { log, reader } = opened
    const comparison = await compare(opened, incoming, this.known)
    const { standing, onlyThere: commits } = comparison
    const before = log.state.branch
    if (standing === 'same') {
      await log.follower.catchUp()
      return this.taken(incoming)
    }
    this.freshness.fallsBehind({ position: undefined, commits })
    // A replica makes no commits: somebody did.
    if (standing === 'ahead') throw new HistoryForkedError(before.commit, incoming)
    if (standing === 'continues') {
      const { position } = await readBranchState(incoming, reader, log.source, before)
      this.freshness.fallsBehind({ position, commits })
    }
    await admit(opened, incoming, comparison, { signal })
    this.taken(incoming)
  }

  private taken(incoming: string, { hasMoved = this.known !== incoming } = {}): void {
    this.known = incoming
    this.freshness.becomesEqual()
    if (hasMoved || this.freshness.isForgotten) this.freshness.pin()
    if (hasMoved) this.options.onMoved()
  }

  private explained(cause: unknown, before: string): Error {
    const { path } = this.options.opened.repository
    if (!(cause instanceof RefMovedError)) return asError(cause)
    return new ReplicaReplacedError(path, before, cause.actual ?? 'no commit')
  }

  private fail(trouble: Trouble): Outcome {
    const { error } = trouble
    const isRefused = isRefusal(error)
    const commit = isRefused ? trouble.commit : undefined
    const isNew = commit !== this.trouble?.commit || error.message !== this.trouble?.error.message
    this.trouble = { error, commit }
    if (isRefused) this.refused = this.trouble
    this.tellIfBack()
    if (isNew)
      this.options.notify(
        isRefused ? { kind: 'remote-refused', commit, error } : { kind: 'remote-failed', error },
      )
    return isRefused ? this.end('refusing', 'nothing') : this.end('backing-off', 'failed')
  }

  private end(phase: ReplicaPhase, outcome: Outcome): Outcome {
    this.phase = phase
    this.tellIfBack()
    return outcome
  }
}
