import type { LogState, Notice } from '../log/log-state.ts'
import type { OpenedLog } from '../log/open-event-log.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { readRoot } from '../repository/log-tree-reading.ts'
import { parseCommit } from '../repository/object.ts'
import { OtherFiles } from '../repository/other-files.ts'
import { type CheckedOutRepository, type Checkout, WorkTree } from '../repository/work-tree.ts'
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
  const workTree = new WorkTree(checkedOut, await checkoutOf(checkedOut, { reader, runner }), fileSystem)
  const { commit } = log.state.branch
  try {
    const { parents } = parseCommit((await reader.read(commit)).content)
    await workTree.recover(commit, { isFirst: parents.length === 0 })
  } catch (cause) {
    // Somebody changed files of the log: their changes stay, and the log works all the same.
    notify({ kind: 'work-tree-behind', error: cause instanceof Error ? cause : new Error(String(cause)) })
  }
  return new WorkTreeFollower(workTree, repository.branch, log.state, commit, notify)
}

async function checkoutOf(
  repository: CheckedOutRepository,
  { reader, runner }: Pick<OpenedLog, 'reader' | 'runner'>,
): Promise<Checkout> {
  if (reader.engine === 'git') {
    const { GitCheckout } = await import('../repository/git-checkout.ts')
    return checkedFirst(new GitCheckout(repository, runner), reader)
  }
  const { IsomorphicCheckout } = await import('../repository/isomorphic-checkout.ts')
  return checkedFirst(new IsomorphicCheckout(repository, reader), reader)
}

/** What stands beside the log's own files is looked at by nobody but a checkout. */
function checkedFirst(checkout: Checkout, reader: GitReader): Checkout {
  const others = new OtherFiles(reader)
  return {
    async move(from, to) {
      const { tree } = parseCommit((await reader.read(to)).content)
      await others.check((await readRoot(reader, tree)).others)
      await checkout.move(from, to)
    },
  }
}

/**
 * Lets the checked-out files follow the branch: after a seal, soon; several seals share one step.
 */
export class WorkTreeFollower {
  private running: Promise<void> | undefined
  private problem: Error | undefined
  /** The user went to another branch, whose files are not ours to change. Git brings them at the return. */
  private isAway = false

  /** @param synced the commit at which the files stand */
  constructor(
    private readonly workTree: WorkTree,
    private readonly branch: string,
    private readonly state: LogState,
    private synced: string,
    private readonly notify: (notice: Notice) => void,
  ) {}

  /** Says that this process moved the branch. */
  schedule(): void {
    this.running ??= this.catchUp().finally(() => {
      this.running = undefined
    })
  }

  /** Says that somebody else moved the branch, with files and index, as `git commit` and `git pull` do. */
  adopted(commit: string): void {
    this.synced = commit
  }

  /** Resolves when no files are being brought up to date. */
  async settled(): Promise<void> {
    await this.running
  }

  /** Resolves when the files stand where the branch does, or are those of another one. @throws WorkTreeError */
  async finish(): Promise<void> {
    this.problem = undefined
    do {
      this.schedule()
      await this.running
    } while (this.synced !== this.state.branch.commit && this.problem === undefined && !this.isAway)
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
      } catch (cause) {
        this.problem = cause instanceof Error ? cause : new Error(String(cause))
        this.notify({ kind: 'work-tree-behind', error: this.problem })
        return
      }
    }
  }
}
