import { type Commit, parseCommit, parseTree } from '../../repository/object.ts'
import type { ObjectCache, VerificationContext } from './reading.ts'

const OID_BYTES = 20

/** Commit ids in 20 bytes each: a history of a million commits takes 20 MB. */
export class CommitList {
  private bytes = Buffer.alloc(1024 * OID_BYTES)
  length = 0

  push(oid: string): void {
    const at = this.length * OID_BYTES
    if (at === this.bytes.length) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(at)])
    this.bytes.write(oid, at, 'hex')
    this.length++
  }

  /** From the one that was pushed last to the first. */
  *reversed(): Generator<string> {
    for (let at = (this.length - 1) * OID_BYTES; at >= 0; at -= OID_BYTES) {
      yield this.bytes.toString('hex', at, at + OID_BYTES)
    }
  }
}

/**
 * The commits from the head of the branch back to the first, by first parents. Ends early where one cannot
 * be read, which is reported, and where a shallow clone ends.
 */
export async function walkToFirst(
  head: string,
  { objects, findings, turns }: VerificationContext,
  shallow: ReadonlySet<string>,
): Promise<CommitList> {
  const commits = new CommitList()
  for (let oid: string | undefined = head; oid !== undefined; ) {
    await turns.take()
    let commit: Commit
    try {
      commit = parseCommit(await objects.read(oid, 'commit'))
    } catch (error) {
      findings.addProblem(error, { commit: oid })
      break
    }
    commits.push(oid)
    if (commit.parents.length > 1) {
      const message = `the commit has ${commit.parents.length} parents: a log is a line without merges`
      findings.add({ code: 'merge-commit', message, commit: oid })
    }
    if (shallow.has(oid)) {
      const message = 'the clone is shallow: what came before this commit was not verified'
      findings.add({ code: 'shallow-history', message, commit: oid })
      break
    }
    oid = commit.parents[0]
  }
  return commits
}

/**
 * Makes a function that starts to read the trees of a commit, as far as they are small: the root, and one level below. What
 * was read for the commit before is not read again.
 */
export function treeWarmer(objects: ObjectCache, eventsPath: string): (commit: string) => void {
  let known = new Set<string>()
  const warm = async (commit: string) => {
    const content = await objects.readSmall(commit)
    const root = content && (await objects.readSmall(parseCommit(content).tree))
    const events = root && parseTree(root).find(({ name }) => name === eventsPath)
    const listing = events && (await objects.readSmall(events.oid))
    if (listing === undefined) return
    const directories = parseTree(listing).map(({ oid }) => oid)
    for (const oid of directories) if (!known.has(oid)) objects.warm(oid)
    known = new Set(directories)
  }
  // What goes wrong is told when the tree is read in its turn.
  return (commit) => void warm(commit).catch(() => undefined)
}
