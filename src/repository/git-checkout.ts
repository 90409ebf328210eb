import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFileSystem } from '../system/file-system.ts'
import { WorkTreeError } from './errors.ts'
import { GitFailedError } from './git-process-errors.ts'
import { onceUnlocked } from './index-lock.ts'
import type { GitRunner } from './runner.ts'
import type { CheckedOutRepository, Checkout } from './work-tree.ts'

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

/** Moves index and files with `git read-tree -m -u`, the merge of two trees that `git switch` does: 5 ms. */
export class GitCheckout implements Checkout {
  readonly #repository: CheckedOutRepository
  readonly #runner: GitRunner

  /** The runner has to work in this repository. */
  constructor(repository: CheckedOutRepository, runner: GitRunner) {
    this.#repository = repository
    this.#runner = runner
  }

  async move(from: string | undefined, to: string): Promise<void> {
    const args = ['read-tree', '-m', '-u', '--end-of-options', from ?? EMPTY_TREE, to]
    let isRefreshed = false
    for (;;) {
      try {
        return await onceUnlocked(this.#repository.workTree, isLocked, async () => {
          await this.#runner.run(args)
        })
      } catch (error) {
        if (!(error instanceof GitFailedError)) throw error
        const paths = pathsInTheWay(error)
        const canTryAgain = (await this.#removeUnfinished(paths, to)) || (paths.length > 0 && !isRefreshed)
        if (!canTryAgain) throw workTreeError(this.#repository.workTree, paths, error)
      }
      await this.#refresh()
      isRefreshed = true
    }
  }

  /**
   * Git writes the files first and the index last, so a crash leaves files that look like somebody else's.
   * Those that hold what is to be written, or its beginning, are removed.
   */
  async #removeUnfinished(paths: readonly string[], to: string): Promise<boolean> {
    let hasRemoved = false
    for (const path of paths) {
      const file = join(this.#repository.workTree, path)
      const found = await nodeFileSystem.readFile(file).catch(() => undefined)
      const wanted = await this.#findContent(to, path)
      if (found === undefined || !wanted?.subarray(0, found.length).equals(found)) continue
      await rm(file)
      hasRemoved = true
    }
    return hasRemoved
  }

  async #findContent(commit: string, path: string): Promise<Buffer | undefined> {
    try {
      return (await this.#runner.run(['cat-file', 'blob', '--end-of-options', `${commit}:${path}`])).stdout
    } catch (error) {
      // There is no such file in that commit.
      if (error instanceof GitFailedError && error.exitCode === 128) return undefined
      throw error
    }
  }

  /** Files that were touched but not changed look changed to `read-tree` until this is done. */
  async #refresh(): Promise<void> {
    try {
      await this.#runner.run(['update-index', '-q', '--refresh'])
    } catch (error) {
      // Exit code 1 says that some files are changed, which the next attempt will say by name.
      if (!(error instanceof GitFailedError)) throw error
    }
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof GitFailedError && /index\.lock': File exists/.test(error.stderr)
}

/** Git names one file at a time. */
function pathsInTheWay({ stderr }: GitFailedError): string[] {
  return [...stderr.matchAll(/(?:Entry|tree file) '(.+)' /g)].flatMap(([, path]) => path ?? [])
}

function workTreeError(workTree: string, paths: readonly string[], cause: GitFailedError): WorkTreeError {
  if (paths.length === 0) return new WorkTreeError(workTree, 'git could not update its files', { cause })
  return new WorkTreeError(workTree, `${paths.join(', ')} changed by somebody else`, {
    cause,
    hint: 'Move your changes to these files away. The next command that writes, or `memoir doctor --fix`, brings them up to date.',
  })
}
