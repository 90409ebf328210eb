import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { Random } from '../crash/random.ts'
import { times } from '../crash/scale.ts'
import { fsck, git, gitText } from '../repository/real-git.ts'
import {
  hangingGit,
  interrupt,
  isRunning,
  type Place,
  PROMPT_MS,
  pidOfGit,
  prepare,
} from './interrupted-fixture.ts'
import { type Ended, LIBRARY, memoir, start, startNode } from './program.ts'

/** How often each command is interrupted at a random moment. */
const ROUNDS = times(4, 60)
/** A command takes about half a second, most of it until the program is loaded. */
const LONGEST_LIFE_MS = 900

interface Interrupted {
  readonly name: string
  readonly words: (place: Place) => readonly string[]
  /** The command of git in which it is stopped. */
  readonly git: string
  /** Whether what it is for was done. */
  readonly isDone: (place: Place) => boolean
  /** Whatever became of it: this holds. */
  readonly check: (place: Place) => void
}

const COMMANDS: readonly Interrupted[] = [
  {
    name: 'push',
    words: ({ log, remote }) => ['-C', log, 'push', remote],
    git: 'push',
    isDone: ({ log, remote }) => head(remote) === head(log),
    check: ({ remote }) => expect(fsck(remote)).toBe(''),
  },
  {
    name: 'backup',
    words: ({ log, backup }) => ['-C', log, 'backup', backup],
    git: 'bundle',
    isDone: ({ backup }) => lastOf(backup) === 6,
    check: ({ backup }) => expect(readdirSync(backup).filter((name) => name.endsWith('.tmp'))).toEqual([]),
  },
  {
    name: 'maintain',
    words: ({ log }) => ['-C', log, 'maintain'],
    git: 'pack-objects',
    isDone: ({ log }) => gitText(log, 'count-objects').startsWith('0 objects'),
    check: ({ log }) => expect(fsck(log)).toBe(''),
  },
  {
    name: 'restore',
    words: ({ backup, restored }) => ['restore', backup, restored],
    git: 'index-pack',
    isDone: ({ restored }) => existsSync(restored),
    check: ({ folder, restored }) => {
      expect(readdirSync(folder).filter((name) => name.startsWith('restored.'))).toEqual(
        existsSync(restored) ? ['restored.git'] : [],
      )
    },
  },
]

describe.each(COMMANDS)('memoir $name, interrupted by Ctrl-C', ({ words, git: step, isDone, check }) => {
  test('while git is at work, ends with 130, leaves nothing half done, no git behind, and is done the next time', async () => {
    const place = await prepare()
    const path = `${hangingGit(place.folder, step)}:${process.env.PATH}`
    const command = start(words(place), { env: { PATH: path } })
    const pid = await pidOfGit(place)
    command.child.kill('SIGINT')
    expect(await command.ended).toMatchObject({ code: 130, stdout: '', stderr: '' })
    await expect.poll(() => isRunning(pid)).toBe(false)
    expect(isDone(place)).toBe(false)
    check(place)
    expect(await memoir(words(place))).toMatchObject({ code: 0 })
    expect(isDone(place)).toBe(true)
    check(place)
  }, 60_000)

  test(
    `at ${ROUNDS} random moments, has done it or not, and does it the next time`,
    async () => {
      const random = new Random(Date.now())
      for (let round = 0; round < ROUNDS; round++) {
        const place = await prepare()
        const end = await interruptAfter(random.below(LONGEST_LIFE_MS), words(place))
        // Before its signals are its own, Node ends as every process does.
        expect([0, 130, null]).toContain(end.code)
        expect(end.stderr).toBe('')
        if (end.code === 0) expect(isDone(place)).toBe(true)
        check(place)
        if (!isDone(place)) {
          const again = await memoir(words(place))
          expect(again.code, again.stderr).toBe(0)
        }
        expect(isDone(place)).toBe(true)
        check(place)
        rmSync(place.folder, { recursive: true })
      }
    },
    ROUNDS * 20_000,
  )
})

describe('a process that pushes by itself, interrupted by Ctrl-C during the push', () => {
  test('has pushed nothing, keeps every event, and the next process pushes them by itself', async () => {
    const place = await prepare()
    const { log: path, remote } = place
    const before = head(remote)
    const program = `import { open } from '${LIBRARY}'
      const log = await open(${JSON.stringify(path)}, { remote: ${JSON.stringify(remote)}, push: { every: 1 } })
      await log.append('s', [{ type: 'Counted', data: { n: 6 } }], { ack: 'committed' })
      console.log('committed')
      setInterval(() => {}, 1000)`
    const env = { PATH: `${hangingGit(place.folder, 'push')}:${process.env.PATH}` }
    const writer = startNode(program, env)
    await writer.prints('committed')
    const pid = await pidOfGit(place)
    writer.child.kill('SIGINT')
    // No handler of ours is in the way of the program's own.
    expect(await writer.ended).toMatchObject({ signal: 'SIGINT', stderr: '' })
    process.kill(pid, 'SIGKILL')
    expect(head(remote)).toBe(before)
    await using log = await open(path, { remote, push: { every: 1 }, watch: false })
    await expect.poll(() => head(remote), { timeout: 20_000 }).toBe(log.status().commit)
    expect(log.status()).toMatchObject({ positions: { branch: 7 } })
    expect(fsck(remote)).toBe('')
  }, 60_000)

  test('memoir append that waits for it ends at once with 130, says what is stored, and leaves no git; the event is pushed the next time', async () => {
    const place = await prepare()
    const { log, remote } = place
    git(log, ['remote', 'add', 'origin', remote])
    const words = ['-C', log, 'append', 's', 'Counted', '--ack', 'pushed']
    const env = { PATH: `${hangingGit(place.folder, 'push')}:${process.env.PATH}` }
    const append = start(words, { env })
    const pid = await pidOfGit(place)
    const { code, stdout, stderr, ms } = await interrupt(append)
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(
      /^memoir: events up to position 7 are committed here but may or may not have been pushed: interrupted by SIGINT/,
    )
    expect(stderr).toMatch(/hint: Do not append them again/)
    expect(ms).toBeLessThan(PROMPT_MS)
    expect(isRunning(pid)).toBe(false)
    const { stdout: status } = await memoir(['-C', log, 'status', '--json'])
    expect(JSON.parse(status)).toMatchObject({ events: 7 })
    expect(await memoir(['-C', log, 'push'])).toMatchObject({ code: 0 })
    expect(head(remote)).toBe(head(log))
  }, 60_000)

  test.each([
    ['hangs', ''],
    ['hangs and minds no SIGTERM', "trap '' TERM; "],
  ])(
    'memoir append leaves no git and no helper of it behind where the remote %s',
    async (_, trap) => {
      const place = await prepare()
      const { log, remote } = place
      git(log, ['remote', 'add', 'origin', remote])
      const before = head(remote)
      const pids = hangingHook(place, trap)
      const append = start(['-C', log, 'append', 's', 'Counted', '--ack', 'pushed'])
      await expect.poll(pids, { timeout: 20_000 }).toHaveLength(2)
      const gits = processesOf(place)
      expect(gits.length).toBeGreaterThan(2)
      const { code, stderr, ms } = await interrupt(append)
      expect(code).toBe(130)
      expect(stderr).toMatch(/interrupted by SIGINT/)
      expect(ms).toBeLessThan(PROMPT_MS)
      expect(processesOf(place)).toEqual([])
      expect(head(remote)).toBe(before)
    },
    60_000,
  )

  test('memoir append to a shared log says that the remote may have it', async () => {
    const place = await prepare()
    const { log, remote } = place
    git(log, ['remote', 'add', 'origin', remote])
    expect(await memoir(['-C', log, 'sync'])).toMatchObject({ code: 0 })
    const before = head(remote)
    const pids = hangingHook(place, '')
    const append = start(['-C', log, 'append', 's', 'Counted', '--shared', '--id', 'seven'])
    await expect.poll(pids, { timeout: 20_000 }).toHaveLength(2)
    const { code, stderr, ms } = await interrupt(append)
    expect(code).toBe(130)
    expect(stderr).toMatch(
      /^memoir: the remote did not confirm an append in time, and may have stored it: interrupted by SIGINT/,
    )
    expect(ms).toBeLessThan(PROMPT_MS)
    expect(processesOf(place)).toEqual([])
    expect(head(remote)).toBe(before)
    rmSync(`${remote}/hooks/pre-receive`)
    const again = ['-C', log, 'append', 's', 'Counted', '--shared', '--id', 'seven', '--json']
    const { stdout } = await memoir(again)
    expect(JSON.parse(stdout)).toMatchObject({ position: 7 })
  }, 60_000)
})

describe('memoir append to a shared log that has something else to push, interrupted by Ctrl-C while the remote hangs', () => {
  const words = ({ log }: Place) => ['-C', log, 'append', 's', 'Counted', '--shared', '--id', 'seven']

  test('closes the log within its bound, and says that the remote may have the event', async () => {
    const place = await prepareOutbox()
    const pids = hangingHook(place, '')
    const append = start(words(place))
    await expect.poll(pids, { timeout: 20_000 }).toHaveLength(2)
    const { code, stderr } = await interrupt(append)
    expect(code).toBe(130)
    expect(stderr).toMatch(/^memoir: the remote did not confirm an append in time, and may have stored it/)
    expect(lastLock(place)).toMatch(/^released\n/)
    expect(processesOf(place)).toEqual([])
  }, 60_000)

  test('as a sync does, that has nothing to say', async () => {
    const place = await prepareOutbox()
    const pids = hangingHook(place, '')
    const sync = start(['-C', place.log, 'sync'])
    await expect.poll(pids, { timeout: 20_000 }).toHaveLength(2)
    expect(await interrupt(sync)).toMatchObject({ code: 130, stderr: '' })
    expect(lastLock(place)).toMatch(/^released\n/)
    expect(processesOf(place)).toEqual([])
  }, 60_000)

  test('and once more, ends at once, and leaves no git', async () => {
    const place = await prepareOutbox()
    const pids = hangingHook(place, '')
    const { child, ended } = start(words(place))
    await expect.poll(pids, { timeout: 20_000 }).toHaveLength(2)
    const interruptAgain = () => {
      child.kill('SIGINT')
      return child.exitCode
    }
    await expect.poll(interruptAgain, { timeout: PROMPT_MS }).toBe(130)
    expect(await ended).toMatchObject({ signal: null, stderr: '' })
    await expect.poll(() => processesOf(place)).toEqual([])
  }, 60_000)
})

describe('memoir append to a shared log that is still being opened, interrupted by Ctrl-C', () => {
  test('ends at once with 130, has stored nothing, and leaves no git', async () => {
    const place = await prepare()
    const { log, remote } = place
    git(log, ['remote', 'add', 'origin', remote])
    const env = { PATH: `${hangingGit(place.folder, 'fetch')}:${process.env.PATH}` }
    const append = start(['-C', log, 'append', 's', 'Counted', '--shared', '--id', 'seven'], { env })
    const pid = await pidOfGit(place)
    const { code, stdout, stderr, ms } = await interrupt(append)
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' })
    expect(ms).toBeLessThan(PROMPT_MS)
    expect(isRunning(pid)).toBe(false)
    const again = ['-C', log, 'append', 's', 'Counted', '--shared', '--id', 'seven', '--json']
    expect(JSON.parse((await memoir(again)).stdout)).toMatchObject({ position: 7 })
  }, 60_000)
})

/** A shared log with an event that its remote, which can be reached again, does not have yet. */
async function prepareOutbox(): Promise<Place> {
  const place = await prepare()
  const { log, remote } = place
  git(log, ['remote', 'add', 'origin', remote])
  expect(await memoir(['-C', log, 'sync'])).toMatchObject({ code: 0 })
  renameSync(remote, `${remote}.away`)
  const offline = ['append', 's', 'Counted', '--shared', '--ack', 'committed']
  expect(await memoir(['-C', log, ...offline])).toMatchObject({ code: 0 })
  renameSync(`${remote}.away`, remote)
  return place
}

function lastLock({ log }: Place): string {
  const name = readdirSync(`${log}/memoir`)
    .filter((one) => one.startsWith('writer.'))
    .sort()
    .at(-1)
  return readFileSync(`${log}/memoir/${name}`, 'utf8')
}

/** Lets the remote hang when it is pushed to, in a process that has a child. @returns the ids of both */
function hangingHook({ folder, remote }: Place, trap: string): () => readonly number[] {
  const path = `${remote}/hooks/pre-receive`
  mkdirSync(`${remote}/hooks`, { recursive: true })
  const script = `#!/bin/sh\n${trap}tail -f /dev/null & echo "$$ $!" > "${folder}/hook"; wait\n`
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return () =>
    (existsSync(`${folder}/hook`) ? readFileSync(`${folder}/hook`, 'utf8').match(/\d+/g)! : []).map(Number)
}

/** The commands that are at work for a place: its folder stands in their arguments, or where they are. */
function processesOf({ folder }: Place): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        // Empty for one that has ended and waits for its parent to ask.
        const isOurs =
          command !== '' && [command, readlinkSync(`/proc/${pid}/cwd`)].some((text) => text.includes(folder))
        return isOurs ? [command] : []
      } catch {
        return []
      }
    })
}

async function interruptAfter(milliseconds: number, words: readonly string[]): Promise<Ended> {
  const command = start(words)
  const timer = setTimeout(() => command.child.kill('SIGINT'), milliseconds)
  const end = await command.ended
  clearTimeout(timer)
  return end
}

function head(path: string): string {
  return gitText(path, 'rev-parse', 'main')
}

/** The last position in a backup. */
function lastOf(backup: string): number {
  return JSON.parse(readFileSync(join(backup, 'backup.json'), 'utf8')).bundles.at(-1).last
}
