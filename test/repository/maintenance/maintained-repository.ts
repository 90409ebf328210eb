import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { Maintenance } from '../../../src/repository/maintenance/maintenance.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { bareRepository, git, gitText } from '../real-git.ts'

/** A repository with so many commits of one file each, loose as a seal writes them. */
export function repositoryOf(count: number): string {
  const path = bareRepository()
  commits(path, count)
  return path
}

/** Adds commits of one file each, loose as a seal writes them. */
export function commits(path: string, count: number): void {
  const refs = gitText(path, 'for-each-ref', 'refs/heads/main')
  const start = refs === '' ? 0 : Number(gitText(path, 'rev-list', '--count', 'main'))
  const stream = Array.from({ length: count }, (_, at) => {
    const text = `event ${start + at} ${'x'.repeat(100)}\n`
    const from = at === 0 && start > 0 ? 'from refs/heads/main^0\n' : ''
    return `commit refs/heads/main\ncommitter A <a@b> ${1_790_000_000 + start + at} +0000\ndata 1\n.\n${from}M 100644 inline ${start + at}.jsonl\ndata ${text.length}\n${text}\n`
  })
  git(path, ['-c', 'fastimport.unpackLimit=100000', 'fast-import', '--quiet', '--date-format=raw'], {
    input: stream.join(''),
  })
}

/** Adds a commit of so many files that do not compress. */
export function noise(path: string, files: number, bytes: number): void {
  const start = gitText(path, 'for-each-ref', 'refs/heads/main') === '' ? '' : 'from refs/heads/main^0\n'
  const head = `commit refs/heads/main\ncommitter A <a@b> 1790000000 +0000\ndata 1\n.\n${start}`
  const parts = Array.from({ length: files }, (_, at) => [
    Buffer.from(`M 100644 inline ${at}.bin\ndata ${bytes}\n`),
    randomBytes(bytes),
    Buffer.from('\n'),
  ])
  git(path, ['-c', 'fastimport.unpackLimit=100', 'fast-import', '--quiet', '--date-format=raw'], {
    input: Buffer.concat([Buffer.from(head), ...parts.flat()]),
  })
}

/** Runs maintenance once, for all that the branch reaches. */
export async function maintain(
  path: string,
  {
    fileSystem = nodeFileSystem,
    ...options
  }: { readonly fileSystem?: FileSystem; readonly packBytes?: number; readonly signal?: AbortSignal } = {},
) {
  const directory = `${path}/memoir`
  mkdirSync(directory, { recursive: true })
  const repository = { gitDirectory: path }
  const { signal, ...bounds } = options
  const onRepacked = () => undefined
  const maintenance = new Maintenance({ repository, directory, fileSystem, onRepacked, ...bounds })
  onTestFinished(() => maintenance[Symbol.asyncDispose]())
  return maintenance.run(gitText(path, 'rev-parse', 'main'), { signal })
}

/** The real file system, which tells of each call: of a removal before it, of all else after it. */
export function watched(tell: (call: string, path: string) => void): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, flags, mode) {
      const file = await nodeFileSystem.open(path, flags, mode)
      const sync = file.sync.bind(file)
      file.sync = async () => {
        await sync()
        tell('sync', path)
      }
      return file
    },
    async rename(from, to) {
      await nodeFileSystem.rename(from, to)
      tell('rename', to)
    },
    async remove(path) {
      tell('remove', path)
      await nodeFileSystem.remove(path)
    },
    async syncDirectory(path) {
      await nodeFileSystem.syncDirectory(path)
      tell('syncDirectory', path)
    },
  }
}
