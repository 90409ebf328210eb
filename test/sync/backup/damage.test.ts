import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoirError } from '../../../src/event/errors.ts'
import { open } from '../../../src/memoir.ts'
import { restore } from '../../../src/restore.ts'
import { batch, commitByHand, deposits, makeLog, storedLine, temporaryFolder } from '../../log/log-fixture.ts'
import { git, writeObject } from '../../repository/real-git.ts'
import { backUp, bundlesIn, forgeBackup, storedLines } from './backup-fixture.ts'

/** A restore that has to fail: its error, after a look that nothing was left. */
async function failureOf(directory: string): Promise<MemoirError> {
  const folder = temporaryFolder()
  const failure = await restore(directory, join(folder, 'r.git')).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(readdirSync(folder)).toEqual([])
  expect(failure).toBeInstanceOf(MemoirError)
  // By the line above.
  return failure as MemoirError
}

describe('a damaged backup is refused by name, and nothing is left of the restore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memoir-backup-'))
  const path = join(folder, 'log.git')
  const sound = join(folder, 'backup')
  afterAll(() => rmSync(folder, { recursive: true }))
  beforeAll(async () => {
    await makeLog(deposits(6), { path })
    await backUp(path, sound)
    await makeLog(deposits(2), { path })
    await backUp(path, sound)
  })

  const copy = () => {
    const directory = join(temporaryFolder(), 'backup')
    cpSync(sound, directory, { recursive: true })
    return directory
  }

  it.each([0, 1])('when bundle %i is missing', async (number) => {
    const directory = copy()
    const file = bundlesIn(directory)[number]!
    rmSync(join(directory, file))
    expect(await failureOf(directory)).toMatchObject({ code: 'backup-damaged', file, what: 'is missing' })
  })

  it.each([0, 1])('when bundle %i is cut short', async (number) => {
    const directory = copy()
    const file = bundlesIn(directory)[number]!
    for (const left of [0, 20, 400]) {
      truncateSync(join(directory, file), left)
      expect(await failureOf(directory)).toMatchObject({
        code: 'backup-damaged',
        file,
        what: expect.stringContaining(`has ${left} bytes`),
      })
    }
  })

  it('when a bundle is no file, but a device without an end', async () => {
    const directory = copy()
    const file = bundlesIn(directory)[0]!
    rmSync(join(directory, file))
    symlinkSync('/dev/zero', join(directory, file))
    expect(await failureOf(directory)).toMatchObject({ code: 'backup-damaged', file, what: 'is no file' })
  })

  it('when one bit of a bundle is flipped', async () => {
    const directory = copy()
    const file = bundlesIn(directory)[0]!
    const bytes = readFileSync(join(directory, file))
    for (let at = 0; at < bytes.length; at += 97) {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 << (at % 8)
      writeFileSync(join(directory, file), flipped)
      const what = expect.stringContaining('SHA-256 differs')
      expect(await failureOf(directory)).toMatchObject({ code: 'backup-damaged', file, what })
    }
  })

  it('when the catalog is larger than any', async () => {
    const directory = copy()
    truncateSync(join(directory, 'backup.json'), 600 << 20)
    const what = 'is no catalog of a backup'
    expect(await failureOf(directory)).toMatchObject({ code: 'backup-damaged', file: 'backup.json', what })
  })

  it('when an entry of the catalog is missing, doubled or in another place', async () => {
    const catalog = JSON.parse(readFileSync(join(sound, 'backup.json'), 'utf8'))
    const [base, increment] = catalog.bundles
    const wrong = [
      [increment],
      [base, base, increment],
      [increment, base],
      [base, { ...increment, last: 'x' }],
    ]
    for (const bundles of wrong) {
      const directory = copy()
      writeFileSync(join(directory, 'backup.json'), JSON.stringify({ ...catalog, bundles }))
      expect(await failureOf(directory)).toMatchObject({ code: 'backup-damaged', file: 'backup.json' })
    }
  })

  it('or restored as it was, whichever byte of the catalog is changed', async () => {
    const directory = copy()
    const name = join(directory, 'backup.json')
    const bytes = readFileSync(name)
    for (let at = 3; at < bytes.length; at += 13) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      writeFileSync(name, changed)
      const target = join(temporaryFolder(), 'r.git')
      const outcome = await restore(directory, target).then(
        () => storedLines(target) === storedLines(path),
        (error: unknown) => error instanceof MemoirError,
      )
      expect([at, outcome]).toEqual([at, true])
    }
  }, 120_000)

  it('when it is in a newer format', async () => {
    const directory = copy()
    const catalog = JSON.parse(readFileSync(join(directory, 'backup.json'), 'utf8'))
    writeFileSync(join(directory, 'backup.json'), JSON.stringify({ ...catalog, format: 2 }))
    const newer = { code: 'newer-format', found: 2, known: 1, message: expect.stringContaining(directory) }
    expect(await failureOf(directory)).toMatchObject(newer)
    await expect(backUp(path, directory)).rejects.toMatchObject(newer)
  })
})

describe('a forged backup, whose hashes fit, is refused', () => {
  const LATER = '2100-01-01T00:00:00.000Z'

  /** A log that somebody commits to by hand, as a backup. */
  async function forged(hand: Parameters<typeof commitByHand>[1], last = 3): Promise<string> {
    const path = await makeLog(deposits(3))
    await using log = await open(path, { readOnly: true, watch: false })
    const { id } = log.status()
    const directory = temporaryFolder()
    commitByHand(path, hand)
    let time = LATER
    for await (const event of log.read({ from: 3 })) if (last === 3) time = event.time
    forgeBackup(path, directory, { log: id, last, time })
    return directory
  }

  /** The log at a path, whose last event was recorded later, as a backup. */
  async function forgedFrom(path: string, last: number): Promise<string> {
    const { id } = await open(path, { readOnly: true, watch: false }).then(async (log) => {
      await log.close()
      return log.status()
    })
    const directory = temporaryFolder()
    forgeBackup(path, directory, { log: id, last, time: LATER })
    return directory
  }

  it('for a symbolic link among the batches', async () => {
    const file = batch(4)
    const directory = await forged({ files: { [file]: '/etc/passwd' }, modes: { [file]: '120000' } }, 4)
    expect(await failureOf(directory)).toMatchObject({ code: 'unexpected-entry', path: file, mode: '120000' })
  })

  it('for a name that the format has no place for', async () => {
    const directory = await forged({ files: { 'events/000000/evil.sh': 'x' } })
    expect(await failureOf(directory)).toMatchObject({ code: 'unexpected-entry' })
  })

  it('for a gap in the positions', async () => {
    const line = storedLine({ stream: 'account-9', version: 1 })
    const directory = await forged({ files: { [batch(9)]: line } }, 9)
    expect(await failureOf(directory)).toMatchObject({ code: 'invalid-batch' })
  })

  it('for a version that does not follow', async () => {
    const line = storedLine({ stream: 'account-9', version: 2 })
    const directory = await forged({ files: { [batch(4)]: line } }, 4)
    expect(await failureOf(directory)).toMatchObject({ code: 'invalid-batch' })
  })

  it('for an event that no append would take', async () => {
    const line = storedLine({ stream: 'account-9', version: 1 }).replace('{}', '{"a":1,"a":2}')
    const directory = await forged({ files: { [batch(4)]: line } }, 4)
    expect(await failureOf(directory)).toMatchObject({ code: 'invalid-batch' })
  })

  it('for a merge, even if the backup goes on after it', async () => {
    const path = await makeLog(deposits(3))
    const side = git(path, ['commit-tree', '-p', 'main', '-m', 'Side', 'main^{tree}']).toString().trim()
    const merge = commitByHand(path, { parents: ['main', side] })
    commitByHand(path, { files: { [batch(4)]: storedLine({ stream: 'account-9', version: 1 }) } })
    expect(await failureOf(await forgedFrom(path, 4))).toMatchObject({ code: 'merge-commit', commit: merge })
  })

  it('for what stood in it for one commit alone', async () => {
    const path = await makeLog(deposits(3))
    commitByHand(path, { files: { 'events/000000/evil.sh': 'x' } })
    commitByHand(path, {
      files: {
        'events/000000/evil.sh': undefined,
        [batch(4)]: storedLine({ stream: 'account-9', version: 1 }),
      },
    })
    expect(await failureOf(await forgedFrom(path, 4))).toMatchObject({ code: 'unexpected-entry' })
  })

  it('for a tree that git itself refuses', async () => {
    const path = await makeLog(deposits(1))
    const blob = writeObject(path, 'x')
    const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
    const tree = writeObject(path, entry, 'tree')
    const commit = git(path, ['commit-tree', tree, '-p', 'main'], { input: 'x' })
    git(path, ['update-ref', 'refs/heads/main', commit.toString().trim()])
    const directory = temporaryFolder()
    forgeBackup(path, directory, { log: 'any', last: 1, time: LATER })
    expect(await failureOf(directory)).toMatchObject({
      code: 'backup-damaged',
      what: 'git refuses what it holds',
    })
  })

  it('when it is of another log than it says, or of no log', async () => {
    const directory = temporaryFolder()
    forgeBackup(await makeLog(deposits(2)), directory, { log: 'another', last: 2, time: LATER })
    expect(await failureOf(directory)).toMatchObject({ code: 'backup-damaged', file: 'backup.json' })
    const plain = temporaryFolder()
    git(plain, ['init', '-q'])
    git(plain, ['commit', '-q', '--allow-empty', '-m', 'No log'])
    forgeBackup(join(plain, '.git'), plain, { log: 'another', last: 0 })
    expect(await failureOf(plain)).toMatchObject({ code: 'not-a-log' })
  })

  it('when it says that it holds other events than it does', async () => {
    const path = await makeLog(deposits(3))
    await using log = await open(path, { readOnly: true, watch: false })
    const { id: own } = log.status()
    const { time } = await log.event(3)
    for (const claims of [
      { log: own, last: 4, time },
      { log: own, last: 3, time: LATER },
    ]) {
      const directory = temporaryFolder()
      forgeBackup(path, directory, claims)
      expect(await failureOf(directory)).toMatchObject({
        code: 'backup-damaged',
        what: 'does not say what its bundles hold',
      })
    }
  })

  it('or restored to the date that is asked for, whatever it says of the time of a bundle before', async () => {
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    const time = (day: number) => `2026-11-0${day}T12:00:00.000Z`
    const deposit = (day: number) => [{ type: 'MoneyDeposited', time: time(day) }]
    await using log = await open(path)
    for (const day of [1, 2, 3, 4]) await log.append('account-1', deposit(day), { ack: 'committed' })
    await log.backup(directory)
    await log.append('account-1', deposit(5))
    await log.backup(directory)
    const catalog = JSON.parse(readFileSync(join(directory, 'backup.json'), 'utf8'))
    expect(catalog.bundles.length).toBe(2)
    catalog.bundles[0].time = time(1)
    writeFileSync(join(directory, 'backup.json'), JSON.stringify(catalog))
    const target = join(temporaryFolder(), 'r.git')
    expect(await restore(directory, target, { at: time(2) })).toMatchObject({ position: 2, time: time(2) })
  })

  it.each(['refs/heads/../../x', 'refs/heads/-x y', 'refs/heads/a.lock', 'HEAD'])(
    'when its branch is called %s',
    async (branch) => {
      const directory = temporaryFolder()
      await backUp(await makeLog(deposits(1)), directory)
      const catalog = JSON.parse(readFileSync(join(directory, 'backup.json'), 'utf8'))
      writeFileSync(join(directory, 'backup.json'), JSON.stringify({ ...catalog, branch }))
      expect((await failureOf(directory)).code).toMatch(/^(backup-damaged|ref-invalid)$/)
    },
  )
})
