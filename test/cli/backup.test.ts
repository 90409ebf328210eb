import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { makeEmptyLog } from './empty-log.ts'
import { jsonLines, LIBRARY, memoir, start, temporaryFolder, writeProjections } from './program.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let bank: string
let directory: string

beforeAll(async () => {
  folder = await temporaryFolder()
  bank = join(folder.path, 'bank.git')
  directory = join(folder.path, 'backup')
  await using log = await open(bank)
  await log.append('account-1', [{ type: 'AccountOpened' }], { ack: 'committed' })
  await log.append('account-1', [{ type: 'MoneyDeposited' }, { type: 'MoneyDeposited' }])
  await log.close()
  await memoir(['-C', bank, 'backup', directory])
})
afterAll(() => folder[Symbol.asyncDispose]())

describe('backup', () => {
  test('says what it wrote, and that there was nothing new', async () => {
    const own = join(folder.path, 'another')
    const first = await memoir(['-q', '-C', bank, 'backup', own])
    expect([first.code, first.stderr]).toEqual([0, ''])
    expect(first.stdout).toMatch(
      /^Backed up to .*another: 3 new events, position 3, in 000000000000-000000000003\.bundle \(.*B\)\n$/,
    )
    const again = await memoir(['-C', bank, 'backup', own])
    expect(again.stdout).toBe(`Nothing new for ${own}: position 3\n`)
  })

  test('prints what docs/cli.md promises, as JSON', async () => {
    const { stdout } = await memoir(['-C', bank, 'backup', join(folder.path, 'third'), '--json'])
    expect(jsonLines(stdout)).toEqual([
      {
        directory: join(folder.path, 'third'),
        from: 0,
        to: 3,
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
        bundle: '000000000000-000000000003.bundle',
        bytes: expect.any(Number),
        replaced: [],
        bundles: 1,
      },
    ])
  })

  test('of another log into the same folder ends with 6', async () => {
    const other = join(folder.path, 'other.git')
    await makeEmptyLog(other)
    const { code, stderr } = await memoir(['-C', other, 'backup', directory])
    expect([code, stderr]).toEqual([6, expect.stringContaining('is of another log, "bank"')])
  })

  test('that another machine has locked names the lock, and is made once that is removed', async () => {
    const own = join(folder.path, 'locked')
    const lock = join(own, 'writer.000000000001.lock')
    const owner = { pid: 1, host: 'gone', since: '2026-11-23T05:21:48.123Z', boot: '', started: '' }
    mkdirSync(own)
    writeFileSync(lock, JSON.stringify(owner))
    const { code, stderr } = await memoir(['-C', bank, 'backup', own])
    expect([code, stderr]).toEqual([1, expect.stringContaining('process 1 on gone')])
    const [, named] = /remove its lock: (.+)\n/.exec(stderr) ?? []
    expect(named).toBe(lock)
    rmSync(named!)
    expect((await memoir(['-C', bank, 'backup', own])).stdout).toMatch(/^Backed up to .*locked: 3 new events/)
  })
})

describe('restore', () => {
  test('says what was restored, from what', async () => {
    const path = join(folder.path, 'restored.git')
    const { code, stdout, stderr } = await memoir(['-q', 'restore', directory, path])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`Restored into ${path}: 3 events, the last of 20`)
    expect(stdout).toContain('from 1 bundle (')
    expect((await memoir(['-C', path, 'verify'])).code).toBe(0)
  })

  test('prints what docs/cli.md promises, as JSON, and leaves nothing when it is only tried', async () => {
    const path = join(folder.path, 'tried.git')
    const { stdout } = await memoir(['restore', directory, path, '--dry-run', '--json'])
    expect(jsonLines(stdout)).toEqual([
      {
        directory,
        path,
        log: expect.any(String),
        name: 'bank',
        branch: 'refs/heads/main',
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
        position: 3,
        time: expect.any(String),
        bundles: ['000000000000-000000000003.bundle'],
        bytes: expect.any(Number),
        latest: 3,
        dryRun: true,
      },
    ])
    expect(await readdir(folder.path)).not.toContain('tried.git')
  })

  test('--at a position in the midst of a commit gives the one before, and says so', async () => {
    const path = join(folder.path, 'past.git')
    const { stdout, stderr } = await memoir(['restore', directory, path, '--at', '2'])
    expect(stdout).toContain('1 event, ')
    expect(stderr).toContain('Position 2 is in the midst of a commit: this is the one before it.\n')
  })

  test.each([
    ['a folder without a backup', ['/', '--at', '1'], 3, 'holds no backup'],
    ['a position beyond the end', ['DIRECTORY', '--at', '9'], 3, 'no event at position 9: the log ends at 3'],
    ['a point that is none', ['DIRECTORY', '--at', 'soon'], 2, 'is no point in the history'],
    ['--follow with --at', ['DIRECTORY', '--at', '1', '--follow'], 2, 'goes with neither --at nor --dry-run'],
  ])('refuses %s', async (_, [from, ...words], expected, said) => {
    const path = join(folder.path, 'refused.git')
    const source = from === 'DIRECTORY' ? directory : from!
    const { code, stderr } = await memoir(['restore', source, path, ...words])
    expect([code, stderr]).toEqual([expected, expect.stringContaining(said)])
    expect(await readdir(folder.path)).not.toContain('refused.git')
  })

  test('of a damaged backup ends with 5 and names the file', async () => {
    const damaged = join(folder.path, 'damaged')
    await memoir(['-C', bank, 'backup', damaged])
    const [bundle] = (await readdir(damaged)).filter((name) => name.endsWith('.bundle'))
    await writeFile(join(damaged, bundle!), 'half of it')
    const { code, stderr } = await memoir(['restore', damaged, join(folder.path, 'refused.git')])
    expect([code, stderr]).toEqual([5, expect.stringContaining(`${bundle}: has 10 bytes`)])
    await rm(join(damaged, bundle!))
    expect((await memoir(['restore', damaged, join(folder.path, 'refused.git')])).stderr).toContain(
      `${bundle}: is missing`,
    )
  })

  test('--follow goes on until Ctrl-C, and another one where it stood', async () => {
    const path = join(folder.path, 'followed.git')
    const own = join(folder.path, 'own')
    const standby = join(folder.path, 'standby.git')
    await makeEmptyLog(path)
    await memoir(['-C', path, 'append', 's', 'A'])
    await memoir(['-C', path, 'backup', own])
    for (const round of [1, 2]) {
      const following = start(['restore', own, standby, '--follow', '--json'])
      if (round === 1) await following.prints('"position":1')
      await memoir(['-C', path, 'append', 's', 'A'])
      await memoir(['-C', path, 'backup', own])
      await following.prints(`"to":${round + 1}`)
      following.child.kill('SIGINT')
      expect(await following.ended).toMatchObject({ code: 130 })
    }
    expect((await memoir(['-C', standby, 'status'])).stdout).toContain('events       3')
  })
})

describe('drill', () => {
  test('ends with 0 when the backup holds what the log held, and says how far it is behind', async () => {
    const own = join(folder.path, 'drilled')
    const path = join(folder.path, 'drilled.git')
    await makeEmptyLog(path)
    await memoir(['-C', path, 'append', 's', 'A'])
    await memoir(['-C', path, 'backup', own])
    await memoir(['-C', path, 'append', 's', 'A'])
    const module = await writeProjections(folder.path)
    const drill = ['-C', path, 'drill', own, '--projections', module]
    const { code, stdout } = await memoir(drill)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Equal: backup .*drilled, 1 event and 2 projections; 1 event missing, the oldest for \d+ seconds?; restored in [\d.]+ s\n$/,
    )
    expect(jsonLines((await memoir([...drill, '--json'])).stdout)).toEqual([
      {
        source: own,
        kind: 'backup',
        isEqual: true,
        differences: [],
        notCompared: [],
        position: 1,
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
        behind: { events: 1, seconds: expect.any(Number) },
        seconds: expect.any(Number),
        projections: ['balances', 'deposits'],
      },
    ])
  })

  test('ends with 5 when it is of another log, and with 6 when there is no such remote', async () => {
    const other = join(folder.path, 'different.git')
    await makeEmptyLog(other)
    await writeProjections(folder.path)
    const { code, stdout } = await memoir(['-C', other, 'drill', directory])
    expect([code, stdout]).toEqual([5, expect.stringContaining('differs  the copy is of another log')])
    expect(await memoir(['-C', other, 'drill', join(folder.path, 'nowhere')])).toMatchObject({ code: 6 })
    const file = await memoir(['-C', other, 'drill', 'projections.mjs'], { cwd: folder.path })
    expect([file.code, file.stderr]).toEqual([2, expect.stringContaining('nor that of a folder')])
    const [drilled, pulled] = [await memoir(['-C', other, 'drill']), await memoir(['-C', other, 'pull'])]
    expect([drilled.code, drilled.stderr]).toEqual([2, pulled.stderr])
  })

  test('ends with 1, and says so, when a projection stopped in both and nothing was compared', async () => {
    const path = join(folder.path, 'stopped.git')
    const module = join(folder.path, 'stopping.mjs')
    const text = `import { projection } from '${LIBRARY}'
      const A = () => { throw new Error('no') }
      export const fragile = projection({ name: 'fragile', version: 1, init: () => 0, when: { A } })`
    await writeFile(module, text)
    await makeEmptyLog(path)
    await memoir(['-C', path, 'append', 's', 'A'])
    const own = join(folder.path, 'of-stopped')
    await memoir(['-C', path, 'backup', own])
    const { code, stdout } = await memoir(['-C', path, 'drill', own, '--projections', module])
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(
        /^not compared {2}the projection "fragile" stopped at position 1 .*\nNot all compared: .* 1 event and 0 projections/,
      ),
    ])
  })
})
