import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeEmptyLog } from './empty-log.ts'
import { jsonLines, leaveInJournal, memoir, temporaryFolder } from './program.ts'

/** Who commits by hand: a machine need not know who its user is. */
const SOMEBODY = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.org']

test('a sound log is well', async () => {
  await using own = await temporaryFolder()
  await makeEmptyLog(join(own.path, 'log.git'))
  const { code, stdout } = await memoir(['-C', 'log.git', 'doctor'], { cwd: own.path })
  expect([code, stdout]).toEqual([0, 'All is well.\n'])
})

test('says what it would do and does it with --fix', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log.git')
  await makeEmptyLog(path)
  await leaveInJournal(path, 2)
  const lock = join(path, 'refs/heads/main.lock')
  await writeFile(lock, '')
  await utimes(lock, 0, 0)

  const found = await memoir(['-C', path, 'doctor'])
  expect(found.stdout).toMatch(/stale-lock: .*main\.lock/)
  expect(found.stdout).toContain('    --fix: ')
  expect(found.stdout).toContain('Mend with: memoir doctor --fix')
  expect(await readdir(join(path, 'refs/heads'))).toContain('main.lock')

  const mended = await memoir(['-C', path, 'doctor', '--fix'])
  expect([mended.code, mended.stdout]).toEqual([0, expect.stringContaining('    done: ')])
  expect(await readdir(join(path, 'refs/heads'))).toEqual(['main'])
  expect(jsonLines((await memoir(['-C', path, 'status', '--json'])).stdout)[0]).toMatchObject({ events: 2 })
})

test('a damaged journal ends with 5, and reading shows what is committed with a warning', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log.git')
  await makeEmptyLog(path)
  await memoir(['-C', path, 'append', 's', 'Committed'])
  await leaveInJournal(path, 3)
  await damageFirstEvent(join(path, 'memoir/journal'))

  const { code, stdout } = await memoir(['-C', path, 'doctor', '--json'])
  expect(code).toBe(5)
  expect(jsonLines(stdout)[0]).toMatchObject({
    path,
    found: expect.arrayContaining([
      expect.objectContaining({ code: 'journal-corrupt', severity: 'error', canFix: true }),
    ]),
  })
  const read = await memoir(['-C', path, 'read', '--json'])
  expect(jsonLines(read.stdout)).toMatchObject([{ type: 'Committed' }])
  expect([read.code, read.stderr]).toEqual([0, expect.stringContaining('Only what is committed is shown.')])
})

test('what cannot be mended does not keep the rest from being mended', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log')
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', path])
  await makeEmptyLog(path)
  await leaveInJournal(path, 2)
  // Somebody else moved the branch without the files, one of which is in the way.
  const line = { id: 'f', stream: 's', version: 1, type: 'T', time: '2100-01-01T00:00:00.000Z', data: {} }
  const git = (words: readonly string[], input = '') =>
    execFileSync('git', ['-C', path, ...SOMEBODY, ...words], {
      input,
      env: { ...process.env, GIT_INDEX_FILE: join(own.path, 'index') },
    })
      .toString()
      .trim()
  const file = 'events/000000/000000000001.jsonl'
  git(['read-tree', 'main'])
  const blob = git(['hash-object', '-w', '--stdin'], `${JSON.stringify(line)}\n`)
  git(['update-index', '--add', '--cacheinfo', `100644,${blob},${file}`])
  git(['update-ref', 'HEAD', git(['commit-tree', git(['write-tree']), '-p', 'main', '-m', 'By hand'])])
  await mkdir(join(path, 'events/000000'), { recursive: true })
  await writeFile(join(path, file), 'mine\n')

  const { code, stdout, stderr } = await memoir(['-C', path, 'doctor', '--fix'])
  expect(stdout).toMatch(/work-tree-behind: .*\n {4}failed: .*000000000001\.jsonl changed by somebody else/)
  expect(stdout).toMatch(/log-diverged: .*\n {4}done: 2 events were appended anew/)
  expect([code, stderr]).toEqual([1, ''])
  const read = await memoir(['-C', path, 'read', '--json'])
  expect(jsonLines(read.stdout)).toMatchObject([{ id: 'f' }, { type: 'Left' }, { type: 'Left' }])

  const again = await memoir(['-C', path, 'doctor', '--fix', '--json'])
  expect(again.code).toBe(1)
  expect(jsonLines(again.stdout)[0]).toMatchObject({
    found: [{ code: 'work-tree-behind', failure: { code: 'work-tree', message: expect.any(String) } }],
    left: [{ code: 'work-tree-behind' }],
  })
})

test('finds that the log cannot be opened for what it holds', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log')
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', path])
  await makeEmptyLog(path)
  await mkdir(join(path, 'events/000000'), { recursive: true })
  await writeFile(join(path, 'events/000000/000000000001.jsonl'), '{}\n')
  execFileSync('git', ['-C', path, 'add', '.'])
  execFileSync('git', ['-C', path, ...SOMEBODY, 'commit', '--quiet', '-m', 'By hand'])
  const { code, stdout } = await memoir(['-C', path, 'doctor', '--json'])
  expect(code).toBe(5)
  expect(jsonLines(stdout)[0]).toMatchObject({
    found: expect.arrayContaining([expect.objectContaining({ code: 'invalid-batch', canFix: false })]),
  })
})

test('a folder that holds no log is reported, not thrown', async () => {
  await using own = await temporaryFolder()
  const { code, stdout, stderr } = await memoir(['-C', own.path, 'doctor'])
  expect([code, stderr]).toEqual([1, ''])
  expect(stdout).toContain('not-a-repository')
})

/** Changes a byte of the first event that was left, which whole frames follow. */
async function damageFirstEvent(journal: string): Promise<void> {
  for (const name of await readdir(journal)) {
    const path = join(journal, name)
    const bytes = await readFile(path)
    const at = bytes.indexOf('"left"')
    if (at === -1) continue
    bytes[at + 1] = 0x58
    await chmod(path, 0o644)
    await writeFile(path, bytes)
    return
  }
  throw new Error('no event was left in the journal')
}
