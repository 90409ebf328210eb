import type { FileSystem } from '../../system/file-system.ts'
import { clearForMaintenance, removeOldTemporaries } from '../abandoned-files.ts'
import { fileError, ignoreMissing, replaceFile, syncFile } from '../durable-file.ts'
import { PACKING_SETTINGS } from '../git-environment.ts'
import { GitFailedError } from '../git-process-errors.ts'
import { oidsOf } from '../pack-index.ts'
import { GitRunner } from '../runner.ts'
import type { RepositoryPaths } from '../stand-in-directory.ts'
import { progressParser, type TransferProgress } from '../transfer-progress.ts'
import { countLooseObjects, listPacks, type Pack } from './disk-usage.ts'
import { Indexes, type RunGit } from './indexes.ts'
import { PACK_BYTES, packsToMerge } from './plan.ts'

export interface MaintenanceOptions {
  readonly repository: RepositoryPaths
  /** Where the log keeps what is its own; it must exist. */
  readonly directory: string
  readonly fileSystem: FileSystem
  /** Told after packs came or went: a reader that caches them has to look again. */
  readonly onRepacked: () => void
  /** The most bytes a pack gets, 1 MiB at least. Default: 64 MiB. */
  readonly packBytes?: number
}

export interface MaintenanceRun {
  readonly signal?: AbortSignal | undefined
  /** Told how far git is, in its own words. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
}

/** What a run did. */
export interface MaintenanceWork {
  /** Loose objects that are in a pack now. */
  readonly packedObjects: number
  /** Packs that were merged. */
  readonly mergedPacks: number
}

/**
 * Keeps a repository small and quick: packs the loose objects of a branch, merges packs geometrically, and
 * keeps the multi-pack-index and the commit-graph.
 *
 * packing (some 500 commits at a time) → merging → indexing
 *
 * One run at a time, which is the caller's to see to. It may be cut short at any moment. Nothing is removed
 * before what holds the same objects is synced, its name in the folder included; and only that is removed: no
 * object is ever judged unreachable. So seals go on beside it, and whoever reads finds each object at every
 * moment. Git works in processes of low priority, and syncs no file of more than 64 MiB.
 */
export class Maintenance implements AsyncDisposable {
  private readonly runner: GitRunner
  private readonly indexes: Indexes

  constructor(private readonly options: MaintenanceOptions) {
    this.runner = new GitRunner({ repository: options.repository, settings: SETTINGS, isLowPriority: true })
    this.indexes = new Indexes(this.objects, options.fileSystem)
  }

  /**
   * @param commit where the branch is: what it reaches is packed
   * @throws GitMissingError, GitFailedError, DiskFullError, PermissionDeniedError, and the signal's reason:
   *   what was done until then stays done
   */
  async run(commit: string, run: MaintenanceRun = {}): Promise<MaintenanceWork> {
    try {
      // A run that was killed leaves some, as a fetch does.
      const { fileSystem, repository } = this.options
      await clearForMaintenance(fileSystem, repository.gitDirectory, run.signal)
      await removeOldTemporaries(fileSystem, repository.gitDirectory)
      const packed = await this.pack(commit, run)
      const merged = await this.merge(run)
      if (packed > 0 || merged > 0) await this.index(commit, run)
      return { packedObjects: packed, mergedPacks: merged }
    } catch (error) {
      throw run.signal?.aborted || error instanceof GitFailedError ? error : fileError(this.objects, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner[Symbol.asyncDispose]()
  }

  /**
   * Packs the loose objects that the branch reaches, from the oldest commit on. A pack of few commits gets
   * small deltas: git compares trees of about one size, and those of neighbours differ by one entry, while
   * from one fold to the next all sizes come again (measured: 1,150 bytes a tree when 20,000 commits are
   * packed at once, 60 when 512 are).
   */
  private async pack(commit: string, run: MaintenanceRun): Promise<number> {
    const loose = await countLooseObjects(this.options.repository.gitDirectory, this.options.fileSystem)
    if (loose === 0) return 0
    const start = await this.findPackedUpTo()
    let packed = 0
    let from = start
    for (const to of await this.stepsAfter(start, commit, run)) {
      run.signal?.throwIfAborted()
      const range = from === undefined ? [to] : [to, `^${from}`]
      packed += await this.packAndRemove(['--revs', '--unpacked', '--incremental'], range, run)
      if (from === start) packed += await this.packAndRemove([], await this.findLeftCopies(range, run), run)
      await replaceFile(this.options.fileSystem, this.packedUpToPath, Buffer.from(`${to}\n`))
      from = to
    }
    return packed
  }

  /** Returns how many loose objects are in a pack now. */
  private async packAndRemove(
    what: readonly string[],
    input: readonly string[],
    run: MaintenanceRun,
  ): Promise<number> {
    if (input.length === 0) return 0
    let removed = 0
    for (const name of await this.packObjects(what, `${input.join('\n')}\n`, run)) {
      removed += await this.removeLooseCopies(name)
    }
    return removed
  }

  /**
   * Loose objects that are packed already: a run that was killed leaves them, or one whose git made the pack after that. The
   * step that it was at is the first of the next run. Who made that pack, and whether it is durable, nobody knows.
   */
  private async findLeftCopies(range: readonly string[], { signal }: MaintenanceRun): Promise<string[]> {
    const args = ['rev-list', '--objects', '--no-object-names', ...range, '--']
    const { stdout } = await this.runner.run(args, { signal })
    const left: string[] = []
    for (const oid of linesOf(stdout)) {
      const isLoose = await this.options.fileSystem.stat(this.loosePath(oid)).catch(ignoreMissing)
      if (isLoose !== undefined) left.push(oid)
    }
    return left
  }

  private async merge(run: MaintenanceRun): Promise<number> {
    const { repository, fileSystem } = this.options
    const packs = await listPacks(repository.gitDirectory, fileSystem)
    const old = packsToMerge(packs, this.packBytes)
    if (old.length === 0) return 0
    run.signal?.throwIfAborted()
    const merged = await this.packObjects(['--stdin-packs'], packLines(old), run)
    if (merged.length === 0) return 0
    // Packs with the same objects in the same order have the same name.
    const obsolete = old.filter(({ name }) => !merged.includes(name))
    const stay = (await listPacks(repository.gitDirectory, fileSystem)).filter(
      ({ name }) => !obsolete.some((pack) => pack.name === name),
    )
    await this.indexes.writeMultiPackIndex(stay, this.gitOf(run))
    for (const { name } of obsolete) await this.removePack(name)
    this.options.onRepacked()
    return old.length
  }

  private async index(commit: string, run: MaintenanceRun): Promise<void> {
    const { repository, fileSystem } = this.options
    const git = this.gitOf(run)
    await this.indexes.writeMultiPackIndex(await listPacks(repository.gitDirectory, fileSystem), git)
    await this.indexes.writeCommitGraph(commit, git)
  }

  /**
   * Makes packs, durable when it resolves: one, or more where that would get too large; none when there was nothing
   * to put in. Their names.
   */
  private async packObjects(what: readonly string[], input: string, run: MaintenanceRun): Promise<string[]> {
    const size = `--max-pack-size=${this.packBytes}`
    const args = ['pack-objects', ...what, ...PACKING, size, `${this.objects}/pack/pack`]
    const { stdout } = await this.git(args, Buffer.from(input), run)
    const names = linesOf(stdout).map((hash) => `pack-${hash}`)
    for (const name of names) {
      for (const end of ['.pack', '.idx']) {
        await syncFile(this.options.fileSystem, `${this.packs}/${name}${end}`)
      }
    }
    if (names.length > 0) await this.options.fileSystem.syncDirectory(this.packs)
    return names
  }

  /** One after the other: appends need the threads that Node has for files. */
  private async removeLooseCopies(pack: string): Promise<number> {
    const { fileSystem } = this.options
    const oids = oidsOf(await fileSystem.readFile(`${this.packs}/${pack}.idx`))
    let removed = 0
    for (const oid of oids) {
      const isRemoved = await fileSystem.remove(this.loosePath(oid)).then(() => true, ignoreMissing)
      if (isRemoved) removed++
    }
    this.options.onRepacked()
    return removed
  }

  /** The index first: without it no git looks at the rest. */
  private async removePack(name: string): Promise<void> {
    for (const end of ['.idx', '.bitmap', '.rev', '.pack']) {
      await this.options.fileSystem.remove(`${this.packs}/${name}${end}`).catch(ignoreMissing)
    }
  }

  /** The last commit of each step, from the oldest. Of a long history no more is ever in memory. */
  private async stepsAfter(
    start: string | undefined,
    commit: string,
    { signal }: MaintenanceRun,
  ): Promise<string[]> {
    const range = start === undefined ? [commit] : [commit, `^${start}`]
    const steps: string[] = []
    let commits = 0
    let last = ''
    let rest = ''
    const onOutput = async (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (last of lines) if (++commits % COMMITS_OF_A_STEP === 0) steps.push(last)
    }
    await this.runner.run(['rev-list', '--reverse', '--topo-order', ...range, '--'], { signal, onOutput })
    if (commits % COMMITS_OF_A_STEP > 0) steps.push(last)
    return steps
  }

  /** The commit up to which an earlier run packed; undefined if none did, or it is not there any more. */
  private async findPackedUpTo(): Promise<string | undefined> {
    const bytes = await this.options.fileSystem.readFile(this.packedUpToPath).catch(ignoreMissing)
    const oid = /^([0-9a-f]{40})\n$/.exec(bytes?.toString('latin1') ?? '')?.[1]
    if (oid === undefined) return undefined
    try {
      await this.runner.run(['cat-file', '-e', `${oid}^{commit}`])
      return oid
    } catch (error) {
      if (error instanceof GitFailedError) return undefined
      throw error
    }
  }

  private gitOf(run: MaintenanceRun): RunGit {
    return (args, input) => this.git(args, input, run)
  }

  private git(
    args: readonly string[],
    input: Uint8Array | undefined,
    { signal, onProgress }: MaintenanceRun,
  ) {
    return this.runner.run(args, { input, signal, onMessage: onProgress && progressParser(onProgress) })
  }

  private get packBytes(): number {
    return this.options.packBytes ?? PACK_BYTES
  }

  private get objects(): string {
    return `${this.options.repository.gitDirectory}/objects`
  }

  private loosePath(oid: string): string {
    return `${this.objects}/${oid.slice(0, 2)}/${oid.slice(2)}`
  }

  private get packs(): string {
    return `${this.objects}/pack`
  }

  private get packedUpToPath(): string {
    return `${this.options.directory}/packed`
  }
}

/** Two folds of one-event commits: see `pack`. */
const COMMITS_OF_A_STEP = 512

/** With progress, git is never silent for so long that the runner would take it for stuck. */
const PACKING = ['--non-empty', '--delta-base-offset', '--progress', '--all-progress-implied']

const SETTINGS = {
  ...PACKING_SETTINGS,
  'pack.threads': '1',
  'pack.windowMemory': '64m',
}

function linesOf(output: Buffer): string[] {
  return output.toString('latin1').split('\n').slice(0, -1)
}

function packLines(packs: readonly Pack[]): string {
  return packs.map(({ name }) => `${name}.pack\n`).join('')
}
