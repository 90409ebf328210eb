import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileFailedError, WorkTreeError } from '../../src/repository/errors.ts'
import { GitCheckout } from '../../src/repository/git-checkout.ts'
import type { GitReader } from '../../src/repository/git-reader.ts'
import { IsomorphicCheckout } from '../../src/repository/isomorphic-checkout.ts'
import { IsomorphicReader } from '../../src/repository/isomorphic-reader.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { WorkTree } from '../../src/repository/work-tree.ts'
import { commitFiles, git, gitText, TemporaryFolder } from './real-git.ts'

const BASE = { '.gitattributes': '* -text\n', 'memoir.yaml': 'format: 1\n' }
const [FIRST, SECOND, THIRD] = [1, 2, 3].map((n) => `events/000000/00000000000${n}.jsonl`) as [
  string,
  string,
  string,
]

describe.each(['git', 'isomorphic'] as const)('WorkTree, engine %s', (engine) => {
  let folder: TemporaryFolder
  let path: string
  let gitDirectory: string
  let runner: GitRunner
  let workTree: WorkTree

  beforeEach(() => {
    folder = new TemporaryFolder()
    path = folder.join('log')
    gitDirectory = join(path, '.git')
    git(folder.path, ['init', '--quiet', path])
    runner = new GitRunner({ repository: { gitDirectory, workTree: path } })
    workTree = openWorkTree()
  })

  afterEach(async () => {
    await runner[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  function openWorkTree(): WorkTree {
    const repository = { gitDirectory, workTree: path }
    const checkout =
      engine === 'git'
        ? new GitCheckout(repository, runner)
        : new IsomorphicCheckout(repository, new IsomorphicReader(gitDirectory, 1 << 20))
    return new WorkTree(repository, checkout)
  }

  const file = (name: string) => join(path, name)
  const status = () => gitText(path, 'status', '--porcelain', '--untracked-files=all')
  const read = (name: string) => readFileSync(file(name), 'utf8')

  it('checks out the first commit', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\r\n' })
    await workTree.sync(undefined, first)
    expect(read(FIRST)).toBe('one\r\n')
    expect(status()).toBe('')
  })

  it('follows commits that add, change and remove files', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n', [SECOND]: 'two\n' })
    await workTree.sync(undefined, first)
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\ntwo\n', [THIRD]: 'three\n' })
    await workTree.sync(first, second)
    expect(read(FIRST)).toBe('one\ntwo\n')
    expect(existsSync(file(SECOND))).toBe(false)
    expect(read(THIRD)).toBe('three\n')
    expect(status()).toBe('')
  })

  it('keeps what the user changed elsewhere, staged or not', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await workTree.sync(undefined, first)
    writeFileSync(file('memoir.yaml'), 'format: 1\nname: mine\n')
    writeFileSync(file('notes.txt'), 'mine')
    writeFileSync(file('staged.txt'), 'mine')
    git(path, ['add', 'staged.txt'])
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\n', [SECOND]: 'two\n' })
    await workTree.sync(first, second)
    expect(read(SECOND)).toBe('two\n')
    expect(status().split('\n').sort()).toEqual([' M memoir.yaml', '?? notes.txt', 'A  staged.txt'])
  })

  it('refuses to overwrite a changed file, and changes nothing', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n', [SECOND]: 'two\n' })
    await workTree.sync(undefined, first)
    appendFileSync(file(SECOND), 'mine\n')
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\ntwo\n' })
    const sync = workTree.sync(first, second)
    await expect(sync).rejects.toThrow(WorkTreeError)
    await expect(sync).rejects.toThrow(SECOND)
    expect(read(FIRST)).toBe('one\n')
    expect(read(SECOND)).toBe('two\nmine\n')
  })

  it('refuses to overwrite a file that git does not know', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await workTree.sync(undefined, first)
    writeFileSync(file(SECOND), 'mine\n')
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\n', [SECOND]: 'two\n' })
    await expect(workTree.sync(first, second)).rejects.toThrow(SECOND)
    expect(read(SECOND)).toBe('mine\n')
  })

  it('does not follow a link out of the work tree', async () => {
    const first = commitFiles(path, BASE)
    await workTree.sync(undefined, first)
    mkdirSync(folder.join('outside'))
    symlinkSync(folder.join('outside'), file('events'))
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await expect(workTree.sync(first, second)).rejects.toThrow(WorkTreeError)
    expect(existsSync(folder.join('outside', '000000'))).toBe(false)
  })

  it('does not write through a link in the place of a file that is to be renamed', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await workTree.sync(undefined, first)
    const outside = folder.join('outside')
    writeFileSync(outside, 'precious')
    symlinkSync(outside, file(`${SECOND}.memoir-tmp`))
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\n', [SECOND]: 'two\n' })
    await workTree.sync(first, second)
    expect(readFileSync(outside, 'utf8')).toBe('precious')
    expect(lstatSync(file(SECOND)).isFile()).toBe(true)
    expect(read(SECOND)).toBe('two\n')
  })

  it('waits for no pipe in the place of a file', async () => {
    const first = commitFiles(path, BASE)
    await workTree.sync(undefined, first)
    mkdirSync(file('events/000000'), { recursive: true })
    execFileSync('mkfifo', [file(FIRST)])
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await expect(workTree.sync(first, second)).rejects.toThrow(FIRST)
  })

  // Git would wait for it.
  it.runIf(engine === 'isomorphic')('waits for no pipe in the place of the index', async () => {
    const first = commitFiles(path, BASE)
    execFileSync('mkfifo', [join(gitDirectory, 'index')])
    await expect(workTree.sync(undefined, first)).rejects.toThrow()
  })

  it.runIf(engine === 'isomorphic')('says so of an index that it cannot read', async () => {
    const first = commitFiles(path, BASE)
    await workTree.sync(undefined, first)
    git(path, ['update-index', '--index-version', '4'])
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await expect(workTree.sync(first, second)).rejects.toThrow(WorkTreeError)
  })

  it('says so where it cannot be told how far the files are', async () => {
    const first = commitFiles(path, BASE)
    mkdirSync(join(gitDirectory, 'memoir/work-tree'), { recursive: true })
    await expect(workTree.recover(first)).rejects.toThrow(FileFailedError)
  })

  it('follows when a file was only touched', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await workTree.sync(undefined, first)
    utimesSync(file(FIRST), 1, 1)
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\ntwo\n' })
    await workTree.sync(first, second)
    expect(read(FIRST)).toBe('one\ntwo\n')
    expect(status()).toBe('')
  })

  it('repairs the files when the process ended between commit and sync', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await workTree.sync(undefined, first)
    const second = commitFiles(path, { ...BASE, [SECOND]: 'two\n' })
    await openWorkTree().recover(second)
    expect(existsSync(file(FIRST))).toBe(false)
    expect(status()).toBe('')
  })

  it('repairs the files when the process ended before the first sync', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await openWorkTree().recover(first)
    expect(read(FIRST)).toBe('one\n')
    expect(status()).toBe('')
  })

  it('checks the first commit of a log out beside what is staged, also when a clone holds it already', async () => {
    writeFileSync(file('staged.txt'), 'mine')
    git(path, ['add', 'staged.txt'])
    const first = commitFiles(path, BASE)
    await openWorkTree().recover(first, { isFirst: true })
    expect(status()).toBe('A  staged.txt')
    rmSync(join(gitDirectory, 'memoir'), { recursive: true })
    await openWorkTree().recover(first, { isFirst: true })
    expect(status()).toBe('A  staged.txt')
  })

  it('repairs the files when the process ended while it wrote them', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n', [SECOND]: 'two\n' })
    await workTree.sync(undefined, first)
    const second = commitFiles(path, { ...BASE, [FIRST]: 'one\ntwo\n', [THIRD]: 'three\n' })
    writeFileSync(file(FIRST), 'one\ntwo\n')
    writeFileSync(file(THIRD), 'three\n')
    rmSync(file(SECOND))
    await openWorkTree().recover(second)
    expect(read(FIRST)).toBe('one\ntwo\n')
    expect(read(THIRD)).toBe('three\n')
    expect(status()).toBe('')
  })

  it('leaves files alone that git itself moved', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    await workTree.sync(undefined, first)
    writeFileSync(file('notes.txt'), 'mine')
    git(path, ['add', 'notes.txt'])
    git(path, ['commit', '--quiet', '-m', 'By hand'])
    await openWorkTree().recover(gitText(path, 'rev-parse', 'HEAD'))
    expect(read('notes.txt')).toBe('mine')
    expect(status()).toBe('')
  })

  it('replaces the index as a whole: who reads it meanwhile, or after a crash, finds the old one or the new one', async () => {
    await workTree.sync(undefined, commitFiles(path, { ...BASE, [FIRST]: 'one\n' }))
    const index = join(gitDirectory, 'index')
    const before = readFileSync(index)
    linkSync(index, folder.join('read'))
    await workTree.sync(gitText(path, 'rev-parse', 'HEAD'), commitFiles(path, { ...BASE, [SECOND]: 'two\n' }))
    expect(readFileSync(folder.join('read')).equals(before)).toBe(true)
    expect(status()).toBe('')
  })

  it('takes a clone that it never synced as it is', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    git(path, ['reset', '--quiet', '--hard'])
    rmSync(file(FIRST))
    await openWorkTree().recover(first)
    expect(status()).toBe(` D ${FIRST}`)
  })

  it('waits for a locked index, and says so when it stays locked', async () => {
    const first = commitFiles(path, { ...BASE, [FIRST]: 'one\n' })
    const lock = join(gitDirectory, 'index.lock')
    writeFileSync(lock, '')
    await expect(workTree.sync(undefined, first)).rejects.toThrow('its index is locked')
    expect(existsSync(file(FIRST))).toBe(false)
    setTimeout(() => rmSync(lock), 100)
    await workTree.sync(undefined, first)
    expect(status()).toBe('')
    expect(existsSync(lock)).toBe(false)
  })
})

it('holds the lock of the index while it changes that, also without git', async () => {
  using folder = new TemporaryFolder()
  git(folder.path, ['init', '--quiet', '.'])
  const gitDirectory = folder.join('.git')
  const [first, second] = ['one\n', 'two\n'].map((text) =>
    commitFiles(folder.path, { ...BASE, [FIRST]: text }),
  )
  const reader = new IsomorphicReader(gitDirectory, 1 << 20)
  const held: boolean[] = []
  const watched: GitReader = Object.create(reader, {
    read: {
      value: async (oid: string) => {
        const object = await reader.read(oid)
        if (object.content.toString() === 'two\n') held.push(existsSync(`${gitDirectory}/index.lock`))
        return object
      },
    },
  })
  const repository = { gitDirectory, workTree: folder.path }
  const workTree = new WorkTree(repository, new IsomorphicCheckout(repository, watched))
  await workTree.sync(undefined, first!)
  await workTree.sync(first, second!)
  expect(held).toEqual([true])
})
