import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CatFile } from '../../src/repository/cat-file.ts'
import { GitFailedError, GitMissingError } from '../../src/repository/git-process-errors.ts'
import { NO_ROOM } from '../../src/repository/room.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { git, TemporaryFolder, writeObject } from './real-git.ts'

describe('CatFile', () => {
  let folder: TemporaryFolder
  let directory: string
  let runner: GitRunner
  let catFile: CatFile

  beforeEach(() => {
    folder = new TemporaryFolder()
    directory = folder.join('a.git')
    git(folder.path, ['init', '--quiet', '--bare', directory])
    runner = new GitRunner({ repository: { gitDirectory: directory } })
    catFile = new CatFile(runner, '--batch', 1 << 20)
  })

  afterEach(async () => {
    await catFile[Symbol.asyncDispose]()
    await runner[Symbol.asyncDispose]()
    vi.unstubAllEnvs()
    folder[Symbol.dispose]()
  })

  const content = async (oid: string) => (await catFile.ask(oid)).framed.toString()

  /** Lets a script stand before git; the real one is `$GIT`. Every start leaves a line in the file `starts`. */
  function wrapGit(script: string): void {
    const path = process.env.PATH
    mkdirSync(folder.join('bin'))
    const head = `#!/bin/sh\nPATH=${path}\necho $$ >> ${folder.join('starts')}\n`
    writeFileSync(folder.join('bin', 'git'), `${head}n=$(wc -l < ${folder.join('starts')})\n${script}\n`)
    chmodSync(folder.join('bin', 'git'), 0o755)
    vi.stubEnv('PATH', `${folder.join('bin')}:${path}`)
    runner = new GitRunner({ repository: { gitDirectory: directory } })
    catFile = new CatFile(runner, '--batch', 1 << 20)
  }

  const starts = () => readFileSync(folder.join('starts'), 'utf8').trim().split('\n').map(Number)

  // First, because what other tests stopped may take a moment to be gone.
  it('keeps the event loop alive only while a question waits', async () => {
    const oid = writeObject(directory, 'hello')
    const handles = () =>
      process.getActiveResourcesInfo().filter((name) => /^(Process|Pipe)Wrap$/.test(name)).length
    const before = handles()
    await content(oid)
    await vi.waitFor(() => expect(handles()).toBeLessThanOrEqual(before))
    const answer = content(oid)
    await new Promise<void>((resolve) => process.nextTick(resolve))
    expect(handles()).toBeGreaterThan(before)
    await answer
    await vi.waitFor(() => expect(handles()).toBeLessThanOrEqual(before))
  })

  it('keeps the event loop alive while it is closed, also once the last question is answered', async () => {
    const oid = writeObject(directory, 'hello')
    const handles = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length
    const before = handles()
    wrapGit(`trap '' TERM; touch ${folder.join('ready')}; sleep 0.5; exec git "$@"`)
    const answer = content(oid)
    await vi.waitFor(() => expect(existsSync(folder.join('ready'))).toBe(true))
    const closed = catFile[Symbol.asyncDispose]()
    await answer
    expect(handles()).toBeGreaterThan(before)
    await closed
  })

  it('answers all questions with one process', async () => {
    const oids = Array.from({ length: 50 }, (_, n) => writeObject(directory, `${n}`))
    wrapGit('exec git "$@"')
    const answers = await Promise.all(oids.map(content))
    expect(answers).toEqual(oids.map((_, n) => `blob ${String(n).length}\0${n}`))
    expect(await content(oids[3]!)).toBe('blob 1\x003')
    expect(starts()).toHaveLength(1)
  })

  it('leaves out what has no room, and answers all others with one process more, however often that happens', async () => {
    const [small, large, last] = ['small', 'x'.repeat(1 << 19), 'last'].map((text) =>
      writeObject(directory, text),
    )
    wrapGit('exec git "$@"')
    for (let round = 1; round <= 3; round++) {
      let isFull = false
      const hasRoom = (bytes: number) => {
        isFull ||= bytes > 100
        return !isFull
      }
      const answers = await Promise.all([
        catFile.askIfRoom(small!, hasRoom),
        catFile.askIfRoom(large!, hasRoom),
        catFile.askIfRoom(small!, hasRoom),
        content(last!),
      ])
      expect(answers[0]).toMatchObject({ size: 5 })
      expect(answers.slice(1)).toEqual([NO_ROOM, NO_ROOM, 'blob 4\0last'])
      expect(starts()).toHaveLength(1 + round)
    }
  })

  it('starts a new process when the idle one was killed', async () => {
    const oid = writeObject(directory, 'hello')
    wrapGit('exec git "$@"')
    await content(oid)
    process.kill(starts()[0]!, 'SIGKILL')
    expect(await content(oid)).toBe('blob 5\0hello')
    expect(starts()).toHaveLength(2)
  })

  it('asks a new process what one left unanswered', async () => {
    const oids = ['one', 'two', 'three'].map((text) => writeObject(directory, text))
    // The first process answers one question and dies in the middle of the second answer.
    const half = `printf '${oids[1]} blob 3\\ntw'`
    wrapGit(`if [ $n = 1 ]; then read oid; echo $oid | git "$@"; ${half}; exit 1; fi; exec git "$@"`)
    expect(await Promise.all(oids.map(content))).toEqual(['blob 3\0one', 'blob 3\0two', 'blob 5\0three'])
  })

  it('gives a question up when two processes died of it, and goes on with the others', async () => {
    const oids = ['one', 'two', 'three'].map((text) => writeObject(directory, text))
    wrapGit(
      `while read oid; do
         if [ $oid = ${oids[1]} ]; then echo "fatal: no more" >&2; exit 128; fi
         echo $oid | git "$@"
       done`,
    )
    const [one, two, three] = await Promise.allSettled(oids.map(content))
    expect(one).toMatchObject({ value: 'blob 3\0one' })
    expect(two).toMatchObject({ reason: expect.any(GitFailedError) })
    expect(two).toMatchObject({ reason: { exitCode: 128, stderr: 'fatal: no more\n' } })
    expect(three).toMatchObject({ value: 'blob 5\0three' })
  })

  it('never takes output that was cut short for an answer', async () => {
    const oid = writeObject(directory, 'a text of more than sixty bytes, header included')
    wrapGit('read oid; echo $oid | git "$@" | head -c 60')
    await expect(catFile.ask(oid)).rejects.toThrow(GitFailedError)
  })

  it('refuses answers to another question', async () => {
    const [oid, other] = [writeObject(directory, 'one'), writeObject(directory, 'two')]
    wrapGit(`read line; echo ${other} | git "$@"; sleep 1000`)
    await expect(catFile.ask(oid)).rejects.toThrow(GitFailedError)
  })

  it('stops a git that stays silent for too long', async () => {
    wrapGit('sleep 1000')
    const impatient = new CatFile(new GitRunner({ timeoutMs: 100 }), '--batch', 1)
    await expect(impatient.ask('0'.repeat(40))).rejects.toMatchObject({ code: 'git-failed', exitCode: null })
    expect(starts()).toHaveLength(2)
  })

  it('says that git is missing', async () => {
    vi.stubEnv('PATH', folder.path)
    const bare = new CatFile(new GitRunner(), '--batch', 1)
    await expect(bare.ask('0'.repeat(40))).rejects.toThrow(GitMissingError)
  })
})
