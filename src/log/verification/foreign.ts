import { DIRECTORY_MODE, parseTree, type TreeEntry } from '../../repository/object.ts'
import type { VerificationContext } from './reading.ts'

const SUBMODULE_MODE = '160000'

/** Re-hashes what lies beside the log in its repository: `.gitattributes`, a README, a folder of tools. */
export class ForeignObjects {
  private readonly checked = new Set<string>()

  constructor(private readonly context: VerificationContext) {}

  /** Reads every object below these entries that was not read before. */
  async check(entries: readonly TreeEntry[], commit: string): Promise<void> {
    const { objects, findings } = this.context
    const folders = await this.checkFiles(entries, '', commit)
    // One after the other: of folders that lie in one another only the names are held.
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const { path, oid } = folder
      let below: TreeEntry[] = []
      try {
        below = parseTree(await objects.read(oid, 'tree'))
      } catch (error) {
        findings.addProblem(error, { file: path, commit })
      }
      for (const next of await this.checkFiles(below, `${path}/`, commit)) folders.push(next)
    }
  }

  /** Returns the folders among these entries that were not read before. */
  private async checkFiles(entries: readonly TreeEntry[], prefix: string, commit: string): Promise<Folder[]> {
    const { objects, findings, turns } = this.context
    const folders: Folder[] = []
    for (const { name, mode, oid } of entries) {
      if (mode === SUBMODULE_MODE || this.checked.has(oid)) continue
      this.checked.add(oid)
      await turns.take()
      const path = `${prefix}${name}`
      try {
        if (mode === DIRECTORY_MODE) folders.push({ path, oid })
        else await objects.read(oid, 'blob')
      } catch (error) {
        findings.addProblem(error, { file: path, commit })
      }
    }
    return folders.reverse()
  }
}

interface Folder {
  readonly path: string
  readonly oid: string
}
