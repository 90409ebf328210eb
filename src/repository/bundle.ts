import { PACKING_SETTINGS } from './git-environment.ts'
import { validateRef } from './refs.ts'
import type { TransferOptions } from './remote-transfer.ts'
import { GitRunner } from './runner.ts'
import { TemporaryDirectory } from './temporary-directory.ts'
import { progressParser } from './transfer-progress.ts'

/** What a bundle holds: the history of a branch up to a commit, but for what another commit has. */
export interface BundleContent {
  /** Full name of the branch. */
  readonly branch: string
  readonly commit: string
  /** Whoever unpacks the bundle has this commit; undefined for a bundle that needs nothing. */
  readonly after: string | undefined
}

/** What the head of a bundle says. */
export interface BundleHeader {
  /** The commits that whoever unpacks it must have. */
  readonly prerequisites: readonly string[]
  readonly refs: ReadonlyMap<string, string>
  /** Where the pack begins. */
  readonly bytes: number
}

/** The name under which the objects of the repository are found. */
const LENT = 'lent'

/** A head of ours has two or three lines. */
export const MOST_HEADER_BYTES = 64 << 10

/**
 * Writes bundles of a repository. They come from a temporary repository that borrows the objects, and whose
 * branch stands where it is told to: so the real one may move meanwhile, and need not be writable.
 */
export class BundleWriter implements AsyncDisposable {
  private constructor(
    private readonly directory: TemporaryDirectory,
    private readonly runner: GitRunner,
    private readonly content: BundleContent,
  ) {}

  static async open(
    { gitDirectory }: { readonly gitDirectory: string },
    content: BundleContent,
  ): Promise<BundleWriter> {
    const { branch, commit } = content
    validateRef(branch)
    const directory = await TemporaryDirectory.create('memoir-bundle-')
    try {
      await directory.write('HEAD', `ref: ${branch}\n`)
      // By the name of a link: git reads no path there that holds control characters.
      await directory.link(LENT, `${gitDirectory}/objects`)
      await directory.write('objects/info/alternates', `../${LENT}\n`)
      await directory.write(branch, `${commit}\n`)
      const repository = { gitDirectory: directory.path }
      return new BundleWriter(directory, new GitRunner({ repository, settings: PACKING_SETTINGS }), content)
    } catch (error) {
      await directory[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Gives the bundle in pieces. @throws GitFailedError, GitMissingError, and what `take` throws */
  async write(take: (chunk: Buffer) => Promise<void>, options: TransferOptions = {}): Promise<void> {
    const { branch, after } = this.content
    const revisions = after === undefined ? [branch] : [branch, `^${after}`]
    const { signal, timeoutMs, onProgress } = options
    const onMessage = onProgress && progressParser(onProgress)
    const args = ['bundle', 'create', '--progress', '-', ...revisions]
    await this.runner.run(args, { signal, timeoutMs, onMessage, onOutput: take })
  }

  /** Lets git look at a bundle in a file. @throws GitFailedError */
  async verify(path: string, signal?: AbortSignal): Promise<void> {
    await this.runner.run(['bundle', 'verify', '--quiet', path], { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner[Symbol.asyncDispose]()
    await this.directory[Symbol.asyncDispose]()
  }
}

/** Reads the head of a bundle; undefined if it is none that git would write for a log. */
export function parseBundleHeader(start: Buffer): BundleHeader | undefined {
  const end = start.subarray(0, MOST_HEADER_BYTES).indexOf('\n\n')
  const [signature, ...lines] = start.subarray(0, Math.max(0, end)).toString('utf8').split('\n')
  if (signature !== '# v2 git bundle') return undefined
  const prerequisites: string[] = []
  const refs = new Map<string, string>()
  for (const line of lines) {
    const [, minus, oid, rest = ''] = /^(-?)([0-9a-f]{40})(?: (.*))?$/.exec(line) ?? []
    if (oid === undefined) return undefined
    if (minus === '-') prerequisites.push(oid)
    else refs.set(rest, oid)
  }
  return { prerequisites, refs, bytes: end + 2 }
}

/**
 * Takes the objects of a pack into a repository. Git checks each of them, and that all they name is there.
 * No ref moves. Durable once `objects/pack` is synced.
 *
 * @throws GitFailedError for a pack that is damaged or holds what git refuses
 */
export async function unpack(
  runner: GitRunner,
  pack: AsyncIterable<Uint8Array>,
  { signal, timeoutMs, onProgress }: TransferOptions = {},
): Promise<void> {
  const onMessage = onProgress && progressParser(onProgress)
  const args = ['index-pack', '--stdin', '--fix-thin', '--strict', ...(onProgress ? ['-v'] : [])]
  await runner.run(args, { input: pack, signal, timeoutMs, onMessage })
}
