import { createHash } from 'node:crypto'
import type { FileSystem } from '../../system/file-system.ts'
import { errorCode } from '../durable-file.ts'
import type { Pack } from './disk-usage.ts'
import type { MaintenanceRun } from './maintenance.ts'

/** Runs git in a repository. */
export type RunGit = (args: readonly string[], input: Uint8Array, run: MaintenanceRun) => Promise<unknown>

export interface IndexesOptions {
  /** The folder `objects`. */
  readonly objects: string
  readonly fileSystem: FileSystem
  readonly git: RunGit
}

/**
 * What maintenance derives from the objects for other gits, and whoever clones from here: the multi-pack-index and the
 * commit-graph. We read neither. Both are made anew when they are lost.
 */
export class Indexes {
  constructor(private readonly options: IndexesOptions) {}

  /** Packs that it does not name are found all the same; those that it names must not go before it. */
  async writeMultiPackIndex(packs: readonly Pack[], run: MaintenanceRun): Promise<void> {
    const { objects, fileSystem, git } = this.options
    const folder = `${objects}/pack`
    if (packs.length < 2) {
      // It would only repeat the index of the one pack.
      await fileSystem.remove(`${folder}/multi-pack-index`).catch(ignoreMissing)
      return fileSystem.syncDirectory(folder)
    }
    const input = packs.map(({ name }) => `${name}.idx\n`).join('')
    await git(['multi-pack-index', 'write', '--stdin-packs'], Buffer.from(input), run)
    await fileSystem.syncDirectory(folder)
  }

  /** Git adds to the commit-graph that is there, and takes it as it is: where that is damaged, it dies or never ends. */
  async writeCommitGraph(commit: string, run: MaintenanceRun): Promise<void> {
    const { objects, fileSystem, git } = this.options
    await this.removeDamagedGraph()
    const args = ['-c', 'core.commitGraph=true', 'commit-graph', 'write', '--split', '--stdin-commits']
    await git([...args, '--progress'], Buffer.from(`${commit}\n`), run)
    for (const path of [`${objects}/info/commit-graphs`, `${objects}/info`]) {
      await fileSystem.syncDirectory(path).catch(ignoreMissing)
    }
  }

  private async removeDamagedGraph(): Promise<void> {
    const { objects, fileSystem } = this.options
    const folder = `${objects}/info/commit-graphs`
    const names = (await fileSystem.list(folder).catch(ignoreMissing)) ?? []
    const graphs = names.filter((name) => name.endsWith('.graph')).map((name) => `${folder}/${name}`)
    const paths = [`${objects}/info/commit-graph`, ...graphs]
    let isSound = true
    for (const path of paths) isSound &&= await this.hasItsChecksum(path)
    if (isSound) return
    // The chain first: it names the others.
    for (const path of [`${folder}/commit-graph-chain`, ...paths]) {
      await fileSystem.remove(path).catch(ignoreMissing)
    }
  }

  /** As git writes it at the end of a file; one that is not there is sound. */
  private async hasItsChecksum(path: string): Promise<boolean> {
    const { fileSystem } = this.options
    const stat = await fileSystem.stat(path).catch(ignoreMissing)
    if (stat === undefined) return true
    if (stat.kind !== 'file' || stat.size > MOST_GRAPH_BYTES) return false
    const bytes = await fileSystem.readFile(path).catch(ignoreMissing)
    if (bytes === undefined) return true
    const checksum = createHash('sha1').update(bytes.subarray(0, -CHECKSUM_BYTES)).digest()
    return checksum.equals(bytes.subarray(-CHECKSUM_BYTES))
  }
}

const CHECKSUM_BYTES = 20
/** Of some four million commits. */
const MOST_GRAPH_BYTES = 256 << 20

function ignoreMissing(error: unknown): undefined {
  if (errorCode(error) === 'ENOENT') return
  throw error
}
