import type { GitReader } from './git-reader.ts'
import { readRoot } from './log-tree-reading.ts'
import { parseCommit } from './object.ts'
import { OtherFiles } from './other-files.ts'
import type { GitRunner } from './runner.ts'
import type { CheckedOutRepository, Checkout } from './work-tree.ts'

/** What brings the files of a repository from one commit to another, with the engine that reads its objects. */
export async function openCheckout(
  repository: CheckedOutRepository,
  reader: GitReader,
  runner: GitRunner,
): Promise<Checkout> {
  if (reader.engine === 'git') {
    const { GitCheckout } = await import('./git-checkout.ts')
    return checkedFirst(new GitCheckout(repository, runner), reader)
  }
  const { IsomorphicCheckout } = await import('./isomorphic-checkout.ts')
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
