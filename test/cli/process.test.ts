import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { makeEmptyLog } from './empty-log.ts'
import { jsonLines, leaveInJournal, memoir, shell, start, temporaryFolder } from './program.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let large: string

beforeAll(async () => {
  folder = await temporaryFolder()
  large = join(folder.path, 'large.git')
  await using log = await open(large)
  const event = { type: 'T', data: { text: 'x'.repeat(200) } }
  await log.append(
    's',
    Array.from({ length: 5000 }, () => event),
  )
})
afterAll(() => folder[Symbol.asyncDispose]())

describe('output', () => {
  test('a reader that has enough ends the program quietly, with 0', async () => {
    const line = `{ memoir -C large.git read --json; echo "code $?" >&2; } | head -n 2`
    const { stdout, stderr } = await shell(line, { cwd: folder.path })
    expect(jsonLines(stdout)).toHaveLength(2)
    expect(stderr).toBe('code 0\n')
  })

  test
    .runIf(existsSync('/dev/full'))
    .each([['-C large.git read'], ['-C large.git status --json'], ['--help'], ['--version']])(
    '%s into a file on a full disk fails with 1, and says so',
    async (words) => {
      const { code, stderr } = await shell(`memoir ${words} > /dev/full`, { cwd: folder.path })
      expect(code).toBe(1)
      expect(stderr).toContain('ENOSPC')
      expect(stderr).not.toContain('    at ')
    },
  )

  test.each(['--version', '--help', '-C large.git status'])(
    '%s that nobody reads ends quietly',
    async (words) => {
      const line = `{ sleep 0.3; memoir ${words}; echo "code $?" >&2; } | true`
      const { stderr } = await shell(line, { cwd: folder.path })
      expect(stderr).toBe('code 0\n')
    },
  )

  test('a slow reader gets everything', async () => {
    const { stdout } = await shell('memoir -C large.git read --json | { sleep 0.2; wc -l; }', {
      cwd: folder.path,
    })
    expect(stdout.trim()).toBe('5000')
  })

  test('nothing is cut and nothing is coloured in a pipe', async () => {
    const { stdout } = await memoir(['-C', large, 'read', '--limit', '1'])
    expect(stdout).toContain('x'.repeat(200))
    expect(stdout).not.toContain('\u001b')
  })
})

describe('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('tail ends at %s with %i, and says nothing', async (signal, expected) => {
    const tail = start(['-C', large, 'tail', '-n', '1', '--json'])
    await tail.prints('"position":5000')
    tail.child.kill(signal)
    const { code, stdout, stderr } = await tail.ended
    expect([code, stderr]).toEqual([expected, ''])
    expect(jsonLines(stdout)).toHaveLength(1)
  })

  test('append ends at once when its data does not come', async () => {
    const append = start(['-C', large, 'append', 's', 'T', '--data', '-'])
    append.child.stdin.write('{')
    append.child.kill('SIGTERM')
    expect((await append.ended).stdout).toBe('')
    expect((await memoir(['-C', large, 'status', '--json'])).stdout).toContain('"events":5000')
  })

  test('tail prints what is committed while it runs, once', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await makeEmptyLog(join(cwd, 'log.git'))
    await memoir(['-C', 'log.git', 'append', 's', 'Before'], { cwd })
    const tail = start(['-C', 'log.git', 'tail', '--json'], { cwd })
    await tail.prints('"Before"')
    await memoir(['-C', 'log.git', 'append', 's', 'After'], { cwd })
    await tail.prints('"After"')
    tail.child.kill('SIGINT')
    const { stdout } = await tail.ended
    expect(jsonLines(stdout).map(({ type }) => type)).toEqual(['Before', 'After'])
  })

  test('tail with nothing to show begins with what comes', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await makeEmptyLog(join(cwd, 'log.git'))
    await memoir(['-C', 'log.git', 'append', 's', 'Before'], { cwd })
    const tail = start(['-C', 'log.git', 'tail', '-n', '0', '--json'], { cwd })
    let printed = ''
    tail.child.stdout.on('data', (text: string) => {
      printed += text
    })
    // Whatever is appended before it listens is not shown: append until something is.
    while (!printed.includes('"After"')) {
      expect(await memoir(['-C', 'log.git', 'append', 's', 'After'], { cwd })).toMatchObject({ code: 0 })
    }
    tail.child.kill('SIGINT')
    expect((await tail.ended).stdout).not.toContain('Before')
  })
})

describe('a writer that died', () => {
  test('what it left in the journal is committed by the next read', async () => {
    await using own = await temporaryFolder()
    const path = join(own.path, 'log.git')
    await makeEmptyLog(path)
    await leaveInJournal(path, 3)
    const read = await memoir(['-C', path, 'read', '--json'])
    expect(jsonLines(read.stdout).map(({ data }) => data)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
    expect(read.stderr).toBe('Committed 3 events that a writer left in the journal.\n')
    const again = await memoir(['-C', path, 'read', '--json'])
    expect([again.stdout, again.stderr]).toEqual([read.stdout, ''])
  })

  test('a reader leaves alone what a running writer has not committed yet', async () => {
    await using own = await temporaryFolder()
    const path = join(own.path, 'log.git')
    await using log = await open(path, { seal: { afterMs: 1e8, maxBytes: 1e8 } })
    await log.append('s', [{ type: 'T' }])
    const { code, stdout, stderr } = await memoir(['-C', path, 'read', '--json'])
    expect([code, stdout, stderr]).toEqual([0, '', ''])
  })

  test('a second writer is refused with the owner of the lock', async () => {
    await using own = await temporaryFolder()
    const path = join(own.path, 'log.git')
    await using _log = await open(path)
    const { code, stderr } = await memoir(['-C', path, 'append', 's', 'T'])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`written by process ${process.pid}`)])
  })
})

describe('--version', () => {
  test('loads nothing but itself', async () => {
    const coverage = await mkdtemp(join(tmpdir(), 'memoir-coverage-'))
    try {
      const { stdout } = await memoir(['--version'], { env: { NODE_V8_COVERAGE: coverage } })
      expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
      const [file] = await readdir(coverage)
      const { result } = JSON.parse(await readFile(join(coverage, file!), 'utf8'))
      const urls: string[] = result.map(({ url }: { readonly url: string }) => url)
      const loaded = urls.filter((url) => url.startsWith('file:')).map((url) => url.split('/').at(-1))
      expect(loaded.sort()).toEqual(['main.js', 'version.js'])
    } finally {
      await rm(coverage, { recursive: true })
    }
  })
})
