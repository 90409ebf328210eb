import { asError } from '../event/errors.ts'
import type { LogState, Notice } from '../log/log-state.ts'
import type { OpenedLog } from '../log/open-event-log.ts'
import { WorkTreeError } from '../repository/errors.ts'
import { parseCommit } from '../repository/object.ts'
import { openCheckout } from '../repository/open-checkout.ts'
import { type CheckedOutRepository, WorkTree } from '../repository/work-tree.ts'
import type { FileSystem } from '../system/file-system.ts'

/**
 * Brings the checked-out files of a log to where its branch is, and lets them follow. Undefined for a bare
 * repository.
 *
 * A checkout that fails is told through the notice.
 */
export async function openWorkTreeFollower(
  { log, repository, reader, runner }: OpenedLog,
  fileSystem: FileSystem,
  notify: (notice: Notice) => void,
): Promise<WorkTreeFollower | undefined> {
  const { workTree: path } = repository
  if (path === undefined) return undefined
  const checkedOut: CheckedOutRepository = { ...repository, workTree: path }
  const workTree = new WorkTree(checkedOut, await openCheckout(checkedOut, reader, runner), fileSystem)
  const { commit } = log.state.branch
  const follower = (synced: string | undefined, problem?: Error) =>
    new WorkTreeFollower(workTree, repository.branch, log.state, notify, synced, problem)
  try {
    const { parents } = parseCommit((await reader.read(commit)).content)
    await workTree.recover(commit, { isFirst: parents.length === 0 })
    return follower(commit)
  } catch (cause) {
    // Somebody changed files of the log: their changes stay, and the log works all the same.
    const error = asError(cause)
    notify({ kind: 'work-tree-behind', error })
    // From there the next step starts: what it left out would count as removed by the user.
    return follower(await workTree.lastSynced(), error)
  }
}

/**
 * Lets the checked-out files follow the branch: after a seal, soon; several seals share one step.
 */
export class WorkTreeFollower {
  private running: Promise<void> | undefined
  private hasMoved = false
  /** The user went to another branch, whose files are not ours to change. Git brings them at the return. */
  private isAway = false

  /**
   * @param synced the commit at which the files stand, if they stand at any
   * @param problem why that is not the branch's, as was told already
   */
  constructor(
    private readonly workTree: WorkTree,
    private readonly branch: string,
    private readonly state: LogState,
    private readonly notify: (notice: Notice) => void,
    private synced: string | undefined,
    private problem?: Error,
  ) {}

  /** Says that this process moved the branch. */
  schedule(): void {
    this.hasMoved = true
    this.running ??= this.catchUp().finally(() => {
      this.running = undefined
    })
  }

  /** Says that somebody else moved the branch, with files and index, as `git commit` and `git pull` do. */
  adopted(commit: string): void {
    if (this.problem === undefined) this.synced = commit
  }

  /** Resolves when no files are being brought up to date. */
  async settled(): Promise<void> {
    await this.running
  }

  /**
   * Resolves when the files stand where the branch does, or are those of another one, or this process has never
   * moved it.
   *
   * @throws WorkTreeError
   */
  async finish(): Promise<void> {
    if (!this.hasMoved) return
    do {
      this.schedule()
      await this.running
    } while (this.synced !== this.state.branch.commit && this.problem === undefined && !this.isAway)
    if (this.isAway) return
    if (this.problem instanceof WorkTreeError) throw storedAllTheSame(this.problem)
    if (this.problem !== undefined) throw this.problem
  }

  private async catchUp(): Promise<void> {
    while (this.synced !== this.state.branch.commit) {
      const { commit } = this.state.branch
      try {
        this.isAway = !(await this.workTree.isAt(this.branch))
        if (this.isAway) return
        await this.workTree.sync(this.synced, commit)
        this.synced = commit
        this.problem = undefined
      } catch (cause) {
        const told = this.problem?.message
        this.problem = asError(cause)
        if (this.problem.message !== told) this.notify({ kind: 'work-tree-behind', error: this.problem })
        return
      }
    }
  }
}

/** Whoever gets it at the end of an append must not take it for one that failed. */
function storedAllTheSame({ path, what, hint, cause }: WorkTreeError): WorkTreeError {
  const details = { cause, ...(hint !== undefined && { hint }) }
  return new WorkTreeError(path, `${what}. What was appended is stored all the same`, details)
}
