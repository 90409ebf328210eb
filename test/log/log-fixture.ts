import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Codec, NewEvent } from '../../src/event/event.ts'
import type { LogListener } from '../../src/log/log-state.ts'
import { type OpenEventLogOptions, type OpenedLog, openEventLog } from '../../src/log/open-event-log.ts'
import { type Verification, type VerifyOptions, verifyLog } from '../../src/log/verification/verification.ts'
import { openReader } from '../../src/repository/open-reader.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { systemRandom } from '../../src/system/random.ts'
import { git, gitText, temporaryDirectory as temporaryFolder, writeObject } from '../repository/real-git.ts'

export { temporaryFolder }

/** A listener that wants no events: a log without projections. */
const NO_IMAGE: LogListener = {
  position: Number.POSITIVE_INFINITY,
  onRun() {},
  async onRewritten() {},
}

/** Opens a log as the composition root does, without an image. */
export function openLog(path: string, options: Partial<OpenEventLogOptions> = {}): Promise<OpenedLog> {
  return openEventLog({
    path,
    readOnly: false,
    engine: undefined,
    codec: 'jsonl',
    author: { name: 'Ada', email: 'ada@example.org' },
    seal: { afterMs: 250, maxBytes: 1 << 20 },
    eventBytes: 1 << 20,
    fileSystem: nodeFileSystem,
    clock: systemClock,
    random: systemRandom,
    notify: () => {},
    onSealed: () => {},
    onProgress: undefined,
    prepare: async () => ({ listener: NO_IMAGE, index: undefined }),
    ...options,
  })
}

/** Closes a log and gives back its lock. */
export async function closeLog({ log, release }: OpenedLog): Promise<void> {
  try {
    await log.close()
  } finally {
    await release()
  }
}

/** An event of one stream, as an append of one commit. */
export interface OneAppend {
  readonly stream: string
  readonly events: readonly NewEvent[]
}

/** A log with one commit for each append, closed; the path of its repository. */
export async function makeLog(
  appends: readonly OneAppend[],
  options: { readonly codec?: Codec; readonly path?: string } = {},
): Promise<string> {
  const path = options.path ?? join(temporaryFolder(), 'bank.git')
  const opened = await openLog(path, { codec: options.codec ?? 'jsonl' })
  for (const append of appends) await opened.log.append([append], undefined, 'committed')
  await closeLog(opened)
  return path
}

/** So many appends of one event each, to three streams in turn. */
export function deposits(count: number): OneAppend[] {
  return Array.from({ length: count }, (_, at) => ({
    stream: `account-${at % 3}`,
    events: [{ type: 'MoneyDeposited', data: { amount: at } }],
  }))
}

/** Verifies the log whose branch `main` is at a path. */
export async function verify(
  path: string,
  options: Partial<VerifyOptions> & { readonly engine?: 'git' | 'isomorphic' } = {},
): Promise<Verification> {
  const repository = { gitDirectory: path, workTree: undefined }
  await using runner = new GitRunner({ repository })
  await using reader = await openReader({ gitDirectory: path, runner, engine: options.engine })
  const commit = gitText(path, 'rev-parse', 'main')
  return await verifyLog({ reader, repository, branch: { commit }, ...options })
}

/** What one commit by hand does to a log: files with their new content; `undefined` takes one away. */
export interface HandCommit {
  readonly files?: Readonly<Record<string, string | Uint8Array | undefined>>
  /** Files with a mode of their own, such as a symbolic link: `120000`. */
  readonly modes?: Readonly<Record<string, string>>
  readonly message?: string
  readonly parents?: readonly string[]
}

/** Commits to `main` with plain git, past Memoir. Returns the commit. */
export function commitByHand(
  path: string,
  { files = {}, modes = {}, message = 'By hand', parents }: HandCommit,
): string {
  const environment = { GIT_INDEX_FILE: join(path, 'hand.index') }
  git(path, ['read-tree', 'main'], { environment })
  for (const [file, content] of Object.entries(files)) {
    if (content === undefined) {
      git(path, ['update-index', '--index-info'], { environment, input: `0 ${'0'.repeat(40)}\t${file}\n` })
      continue
    }
    const oid = writeObject(path, content)
    const info = `${modes[file] ?? '100644'},${oid},${file}`
    git(path, ['update-index', '--add', '--cacheinfo', info], { environment })
  }
  const tree = git(path, ['write-tree'], { environment }).toString().trim()
  const parentArgs = (parents ?? ['main']).flatMap((parent) => ['-p', parent])
  const commit = git(path, ['commit-tree', tree, ...parentArgs], { input: message })
    .toString()
    .trim()
  git(path, ['update-ref', 'refs/heads/main', commit])
  rmSync(environment.GIT_INDEX_FILE)
  return commit
}

/** The content of a file at the head of `main`, or at another commit. */
export function readFileAt(path: string, file: string, commit = 'main'): string {
  return git(path, ['cat-file', 'blob', `${commit}:${file}`]).toString()
}

/** The path of the batch file that begins at a position. */
export function batch(first: number, codec: Codec = 'jsonl'): string {
  return `events/${String(Math.floor(first / 1_000_000)).padStart(6, '0')}/${String(first).padStart(12, '0')}.${codec}`
}

/** A message with trailers as Memoir writes them. */
export function trailers(kind: string, first: number, count: number): string {
  return `By hand\n\nMemoir-Kind: ${kind}\nMemoir-First: ${first}\nMemoir-Count: ${count}\n`
}

/** A stored line; fields may be given another value. */
export function storedLine(fields: {
  readonly stream: string
  readonly version: number
  readonly id?: string
  readonly time?: string
  readonly data?: unknown
}): string {
  const {
    stream,
    version,
    id = `${stream}/${version}`,
    time = '2100-01-01T00:00:00.000Z',
    data = {},
  } = fields
  return `${JSON.stringify({ id, stream, version, type: 'MoneyDeposited', time, data })}\n`
}
