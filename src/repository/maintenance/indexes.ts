import { createHash } from 'node:crypto'
import type { File, FileSystem } from '../../system/file-system.ts'
import { ignoreMissing } from '../durable-file.ts'
import type { Pack } from './disk-usage.ts'

/** Runs git in the repository. */
export type RunGit = (args: readonly string[], input: Uint8Array) => Promise<unknown>

/**
 * What maintenance derives from the objects for other gits, and whoever clones from here: the multi-pack-index and the
 * commit-graph. We read neither. Both are made anew when they are lost.
 */
export class Indexes {
  /** @param objects the folder of that name */
  constructor(
    private readonly objects: string,
    private readonly fileSystem: FileSystem,
  ) {}

  /** Packs that it does not name are found all the same; those that it names must not go before it. */
  async writeMultiPackIndex(packs: readonly Pack[], git: RunGit): Promise<void> {
    const { objects, fileSystem } = this
    const folder = `${objects}/pack`
    if (packs.length < 2) {
      // It would only repeat the index of the one pack.
      await fileSystem.remove(`${folder}/multi-pack-index`).catch(ignoreMissing)
      return fileSystem.syncDirectory(folder)
    }
    const input = packs.map(({ name }) => `${name}.idx\n`).join('')
    await git(['multi-pack-index', 'write', '--stdin-packs'], Buffer.from(input))
    await fileSystem.syncDirectory(folder)
  }

  /** Git adds to the commit-graph that is there, and takes it as it is: where that is damaged, it dies or never ends. */
  async writeCommitGraph(commit: string, git: RunGit): Promise<void> {
    const { objects, fileSystem } = this
    await this.removeDamagedGraph()
    const args = ['-c', 'core.commitGraph=true', 'commit-graph', 'write', '--split', '--stdin-commits']
    await git([...args, '--progress'], Buffer.from(`${commit}\n`))
    for (const path of [`${objects}/info/commit-graphs`, `${objects}/info`]) {
      await fileSystem.syncDirectory(path).catch(ignoreMissing)
    }
  }

  private async removeDamagedGraph(): Promise<void> {
    const { objects, fileSystem } = this
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
    const { fileSystem } = this
    const kind = (await fileSystem.stat(path).catch(ignoreMissing))?.kind
    if (kind !== 'file') return kind === undefined
    const file = await fileSystem.open(path, 'r').catch(ignoreMissing)
    // Another git has just put a new one in its place.
    if (file === undefined) return true
    try {
      return await endsWithChecksum(file)
    } finally {
      await file.close()
    }
  }
}

/** Reads piece by piece: appends get their turn between two. */
async function endsWithChecksum(file: File): Promise<boolean> {
  const end = (await file.size()) - CHECKSUM_BYTES
  const hash = createHash('sha1')
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  for (let at = 0; at < end; ) {
    const count = await file.read(piece, 0, Math.min(piece.length, end - at), at)
    if (count === 0) return false
    hash.update(piece.subarray(0, count))
    at += count
  }
  const found = await file.read(piece, 0, CHECKSUM_BYTES, Math.max(0, end))
  return hash.digest().equals(piece.subarray(0, found))
}

const CHECKSUM_BYTES = 20
const PIECE_BYTES = 1 << 20
