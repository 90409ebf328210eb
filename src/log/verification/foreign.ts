import { DIRECTORY_MODE, parseTree, type TreeEntry } from '../../repository/object.ts'
import type { VerificationContext } from './reading.ts'

const SUBMODULE_MODE = '160000'

/** Re-hashes what lies beside the log in its repository: `.gitattributes`, a README, a folder of tools. */
export class ForeignObjects {
  private readonly checked = new Set<string>()

  constructor(private readonly context: VerificationContext) {}

  /** Reads every object below these entries that was not read before. */
  async check(entries: readonly TreeEntry[], commit: string, folder = ''): Promise<void> {
    const { objects, findings, turns } = this.context
    for (const { name, mode, oid } of entries) {
      if (mode === SUBMODULE_MODE || this.checked.has(oid)) continue
      this.checked.add(oid)
      await turns.take()
      const path = `${folder}${name}`
      try {
        if (mode !== DIRECTORY_MODE) await objects.read(oid, 'blob')
        else await this.check(parseTree(await objects.read(oid, 'tree')), commit, `${path}/`)
      } catch (error) {
        findings.addProblem(error, { file: path, commit })
      }
    }
  }
}
