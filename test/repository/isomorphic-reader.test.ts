import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ObjectCorruptError } from '../../src/repository/errors.ts'
import { IsomorphicReader } from '../../src/repository/isomorphic-reader.ts'
import { commitFiles, gitText, looseObjectPath, packPath, writeBlob } from './git-repository.ts'
import { bareRepository, git } from './real-git.ts'

const LIMIT = 1 << 20
const ABSENT = '0123456789012345678901234567890123456789'

function readerOf(gitDirectory: string): IsomorphicReader {
  const reader = new IsomorphicReader(gitDirectory, LIMIT)
  onTestFinished(() => reader[Symbol.asyncDispose]())
  return reader
}

function makePipe(path: string): void {
  rmSync(path, { force: true })
  execFileSync('mkfifo', [path])
}

/** A pack of too many objects for the reader to take them without isomorphic-git. @returns one of them */
function packMany(gitDirectory: string): string {
  const files = Array.from({ length: 2_500 }, (_, number) => [`f${number}`, `${number}\n`] as const)
  commitFiles(gitDirectory, Object.fromEntries(files))
  git(gitDirectory, ['repack', '--quiet', '-a', '-d'])
  return gitText(gitDirectory, ['rev-parse', 'main:f7'])
}

describe('a pipe, whose opening never ends, in the place of', () => {
  test.each(['idx', 'pack'])('a .%s is not waited for', async (ending) => {
    const gitDirectory = bareRepository()
    const oid = packMany(gitDirectory)
    const pack = packPath(gitDirectory)
    const other = join(gitDirectory, 'objects/pack/pack-0')
    if (ending === 'pack') writeFileSync(`${other}.idx`, readFileSync(pack.replace(/pack$/, 'idx')))
    makePipe(`${other}.${ending}`)
    await expect(readerOf(gitDirectory).read(oid)).rejects.toThrow(ObjectCorruptError)
  })

  test('a loose object is not waited for', async () => {
    const gitDirectory = bareRepository()
    const oid = writeBlob(gitDirectory, 'content')
    makePipe(looseObjectPath(gitDirectory, oid))
    await expect(readerOf(gitDirectory).read(oid)).rejects.toThrow(ObjectCorruptError)
  })

  test('the file of a shallow clone is not waited for', async () => {
    const gitDirectory = bareRepository()
    const first = commitFiles(gitDirectory, { a: '1' })
    const other = commitFiles(gitDirectory, { a: '2' }, { parent: null })
    makePipe(join(gitDirectory, 'shallow'))
    await expect(readerOf(gitDirectory).isAncestor(first, other)).rejects.toThrow(ObjectCorruptError)
  })
})

test('a pipe in another name of a pack hides no object of small packs', async () => {
  const gitDirectory = bareRepository()
  commitFiles(gitDirectory, { a: 'content' })
  git(gitDirectory, ['repack', '--quiet', '-a', '-d'])
  makePipe(join(gitDirectory, 'objects/pack/pack-0.idx'))
  const oid = gitText(gitDirectory, ['rev-parse', 'main:a'])
  expect((await readerOf(gitDirectory).read(oid)).content.toString()).toBe('content')
  await expect(readerOf(gitDirectory).read(ABSENT)).rejects.toThrow(ObjectCorruptError)
})
