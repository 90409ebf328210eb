import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { restore } from '../../../src/restore.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { batch, commitByHand, deposits, makeLog, readFileAt, temporaryFolder } from '../../log/log-fixture.ts'
import { git, gitText } from '../../repository/real-git.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { appendAndBackUp, backUp, bundlesIn, fingerprint, storedLines } from './backup-fixture.ts'

describe('a backup', () => {
  it('begins with a base, and then writes what is new', async () => {
    const path = await makeLog(deposits(8))
    const directory = join(temporaryFolder(), 'a new folder', 'backup')
    expect(await backUp(path, directory)).toMatchObject({
      directory,
      from: 0,
      to: 8,
      bundle: '000000000000-000000000008.bundle',
      replaced: [],
      bundles: 1,
      commit: gitText(path, 'rev-parse', 'main'),
    })
    await makeLog(deposits(2), { path })
    expect(await backUp(path, directory)).toMatchObject({
      from: 8,
      to: 10,
      bundle: '000000000009-000000000010.bundle',
      bundles: 2,
    })
    expect(bundlesIn(directory)).toEqual([
      '000000000000-000000000008.bundle',
      '000000000009-000000000010.bundle',
    ])
  })

  it('is read by git alone', async () => {
    const path = await makeLog(deposits(8))
    const directory = temporaryFolder()
    await backUp(path, directory)
    await makeLog(deposits(3), { path })
    await backUp(path, directory)
    const [base, increment] = bundlesIn(directory).map((name) => join(directory, name)) as [string, string]
    const copy = join(temporaryFolder(), 'copy.git')
    git(directory, ['clone', '--quiet', '--bare', '--branch', 'main', base, copy])
    git(copy, ['bundle', 'verify', '--quiet', increment])
    git(copy, ['fetch', '--quiet', increment, 'main:main'])
    expect(gitText(copy, 'rev-parse', 'main')).toBe(gitText(path, 'rev-parse', 'main'))
    expect(storedLines(copy)).toBe(storedLines(path))
  })

  it('merges bundles as they age, and removes what it has merged', async () => {
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'log.git'))
    await appendAndBackUp(log, directory, 20)
    const names = bundlesIn(directory)
    expect(names.length).toBeLessThanOrEqual(5)
    const { bundles } = JSON.parse(readFileSync(join(directory, 'backup.json'), 'utf8'))
    expect(bundles.map(({ first, last }: { first: number; last: number }) => [first, last])).toEqual(
      names.map((name) => name.match(/\d{12}/g)!.map(Number)),
    )
  })

  it('writes nothing when there is nothing new, nor for a fold alone', async () => {
    const path = await makeLog(deposits(4))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const before = fingerprint(directory)
    expect(await backUp(path, directory)).toMatchObject({ from: 4, to: 4, bytes: 0, replaced: [] })
    {
      await using log = await open(path)
      await log.fold()
      expect(await log.backup(directory)).not.toMatchObject({ bundle: expect.anything() })
    }
    expect(fingerprint(directory)).toEqual(before)
  })

  it('of a history that no restore takes is refused, and stays as it was', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const sound = gitText(path, 'rev-parse', 'main')
    const side = gitText(path, 'commit-tree', '-p', 'main', '-m', 'Side', 'main^{tree}')
    commitByHand(path, { parents: ['main', side] })
    await makeLog(deposits(1), { path })
    await expect(backUp(path, directory)).rejects.toMatchObject({ code: 'merge-commit' })

    git(path, ['update-ref', 'refs/heads/main', sound])
    const lines = readFileAt(path, batch(1))
    commitByHand(path, { files: { [batch(1)]: lines.replaceAll('"data":{', '"data":{"by":"hand",') } })
    commitByHand(path, { files: { [batch(1)]: lines } })
    await makeLog(deposits(1), { path })
    await expect(backUp(path, directory)).rejects.toMatchObject({ code: 'history-changed' })
    const copy = join(temporaryFolder(), 'copy.git')
    expect(await restore(directory, copy)).toMatchObject({ commit: sound, latest: 2 })
  })

  it('of a log without events is restored as one, and goes on', async () => {
    const path = await makeLog([])
    const directory = temporaryFolder()
    expect(await backUp(path, directory)).toMatchObject({ to: 0, bundle: '000000000000-000000000000.bundle' })
    const before = fingerprint(directory)
    await backUp(path, directory)
    expect(fingerprint(directory)).toEqual(before)
    await makeLog(deposits(1), { path })
    expect(await backUp(path, directory)).toMatchObject({ from: 0, to: 1 })
  })

  it('is made while a writer has the log open, of what is committed', async () => {
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    await using log = await open(path, { seal: { afterMs: 3_600_000 } })
    await log.append('s', [{ type: 'Changed' }], { ack: 'committed' })
    await log.append('s', [{ type: 'Changed' }])
    expect(await backUp(path, directory)).toMatchObject({ to: 1 })
    expect(await log.backup(directory)).toMatchObject({ from: 1, to: 2 })
  })

  it('is refused for another log, which it leaves as it is', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog(deposits(2)), directory)
    const before = fingerprint(directory)
    const other = await makeLog(deposits(5))
    await expect(backUp(other, directory)).rejects.toMatchObject({
      code: 'backup-foreign',
      what: expect.stringContaining('is of another log'),
    })
    expect(fingerprint(directory)).toEqual(before)
  })

  it('is refused for a log whose history was rewritten, or that is behind', async () => {
    const path = await makeLog(deposits(4))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const before = fingerprint(directory)
    git(path, ['update-ref', 'refs/heads/main', 'main~1'])
    await expect(backUp(path, directory)).rejects.toMatchObject({
      code: 'backup-foreign',
      what: 'reaches position 4, the log ends at 3',
    })
    rmSync(join(path, 'memoir'), { recursive: true })
    await makeLog(deposits(2), { path })
    await expect(backUp(path, directory)).rejects.toMatchObject({
      code: 'backup-foreign',
      what: expect.stringContaining('its history was rewritten'),
    })
    expect(fingerprint(directory)).toEqual(before)
  })

  it('is refused while another process writes to it', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await using first = await open(path, { readOnly: true, watch: false })
    await using second = await open(path, { readOnly: true, watch: false })
    const outcomes = await Promise.allSettled([first.backup(directory), second.backup(directory)])
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(failures.every(({ code }) => code === 'backup-locked')).toBe(true)
    expect(failures.length).toBeLessThan(2)
    expect(await first.backup(directory)).toMatchObject({ to: 2, bundles: 1 })
  })

  it('can be made again as soon as one was given up', async () => {
    await using log = await open(await makeLog(deposits(50)), { readOnly: true, watch: false })
    const directory = temporaryFolder()
    const controller = new AbortController()
    const { signal } = controller
    const aborted = log.backup(directory, { signal, onProgress: () => controller.abort(new Error('enough')) })
    await expect(aborted).rejects.toThrow('enough')
    expect(await log.backup(directory)).toMatchObject({ to: 50 })
  })

  it('syncs each file before it gets its name, and removes what it merged only after the catalog is safe', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    await makeLog(deposits(2), { path })
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const { bundle, replaced } = await backUp(path, directory, { fileSystem })
    const steps = fileSystem.calls
      .filter((call) => call.path.startsWith(directory) && !call.path.endsWith('.lock'))
      .filter(({ method }) => ['write', 'sync', 'rename', 'syncDirectory', 'remove'].includes(method))
      .map(({ method, path, to }) => `${method} ${basename(to ?? path).replace(/(\.tmp|^tmp_obj_.*)$/, '')}`)
    const folder = basename(directory)
    const once = steps
      .filter((step, at) => step !== steps[at - 1])
      .map((step) => step.replace(/\.[0-9a-f]{16}$/, ' for now'))
    expect(once).toEqual([
      `write ${bundle} for now`,
      `sync ${bundle} for now`,
      `rename ${bundle}`,
      `syncDirectory ${folder}`,
      'write ',
      'sync ',
      'rename backup.json',
      `syncDirectory ${folder}`,
      `remove ${replaced[0]}`,
    ])
  })

  it('is refused by a folder that does not give back what was written to it, and stays as it was', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const before = withoutLocks(directory)
    await makeLog(deposits(1), { path })
    const fileSystem = rotten((file) => file.includes('.bundle'))
    await expect(backUp(path, directory, { fileSystem })).rejects.toMatchObject({
      code: 'backup-damaged',
      what: 'what was read back is not what was written',
    })
    expect(withoutLocks(directory)).toEqual(before)
  })

  it('removes what an interrupted one left, and no file of another name', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const left = [
      '000000000003-000000000009.bundle',
      '000000000003-000000000004.bundle.0123456789abcdef.tmp',
      'tmp_obj_0123456789abcdef',
    ]
    for (const name of [...left, 'notes.txt', 'tmp']) writeFileSync(join(directory, name), 'half')
    mkdirSync(join(directory, 'lost+found'))
    await makeLog(deposits(1), { path })
    await backUp(path, directory)
    const names = readdirSync(directory)
    expect(names.filter((name) => left.includes(name))).toEqual([])
    expect(names).toEqual(expect.arrayContaining(['notes.txt', 'tmp', 'lost+found']))
  })

  it('is not begun where there are bundles without a catalog', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    rmSync(join(directory, 'backup.json'))
    await expect(backUp(path, directory)).rejects.toMatchObject({
      code: 'backup-damaged',
      file: 'backup.json',
    })
    expect(bundlesIn(directory)).toEqual(['000000000000-000000000002.bundle'])
  })

  it.each([0, 1])(
    'is refused while bundle %i is missing or cut short, whether there is anything new or not',
    async (number) => {
      const path = await makeLog(deposits(6))
      const directory = temporaryFolder()
      await backUp(path, directory)
      await makeLog(deposits(1), { path })
      await backUp(path, directory)
      const file = bundlesIn(directory)[number]!
      const bytes = readFileSync(join(directory, file))
      const refused = { code: 'backup-damaged', file }
      for (const damage of [
        () => truncateSync(join(directory, file), 20),
        () => rmSync(join(directory, file)),
      ]) {
        damage()
        const before = bundlesIn(directory)
        await expect(backUp(path, directory)).rejects.toMatchObject(refused)
        expect(bundlesIn(directory)).toEqual(before)
      }
      await makeLog(deposits(1), { path })
      await expect(backUp(path, directory)).rejects.toMatchObject(refused)
      writeFileSync(join(directory, file), bytes)
      await backUp(path, directory)
      expect((await restore(directory, join(temporaryFolder(), 'r.git'))).position).toBe(8)
    },
  )

  it('is refused by a folder within the repository, which would go with it', async () => {
    const path = await makeLog(deposits(1))
    const before = readdirSync(path)
    for (const directory of [path, `${path}/`, join(path, 'backup'), join(path, 'memoir/backup')]) {
      await expect(backUp(path, directory)).rejects.toMatchObject({ code: 'usage' })
    }
    expect(readdirSync(path)).toEqual(before)
    expect(await backUp(path, `${path}-backup`)).toMatchObject({ to: 1 })
  })

  it('takes commits of others along', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    commitByHand(path, { files: { 'README.md': 'For auditors.\n' } })
    await makeLog(deposits(1), { path })
    await backUp(path, directory)
    const copy = join(temporaryFolder(), 'copy.git')
    git(directory, [
      'clone',
      '--quiet',
      '--bare',
      '--branch',
      'main',
      join(directory, bundlesIn(directory)[0]!),
      copy,
    ])
    for (const name of bundlesIn(directory).slice(1))
      git(copy, ['fetch', '-q', join(directory, name), 'main:main'])
    expect(gitText(copy, 'cat-file', 'blob', 'main:README.md')).toBe('For auditors.')
  })

  it('works from a path that git would have to quote', async () => {
    const folder = join(temporaryFolder(), 'a "b" ü\\c\td')
    mkdirSync(folder)
    const path = await makeLog(deposits(2), { path: join(folder, 'log.git') })
    expect(await backUp(path, join(folder, '-backup'))).toMatchObject({ to: 2 })
  })
})

function withoutLocks(directory: string): readonly (readonly [string, string])[] {
  const names = readdirSync(directory).filter((name) => !name.endsWith('.lock'))
  return names.map((name) => [name, readFileSync(join(directory, name), 'base64')])
}

/** The real file system, which reads the first byte of some files wrong. */
function rotten(isRotten: (path: string) => boolean): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, flags, mode) {
      const file = await nodeFileSystem.open(path, flags, mode)
      if (!isRotten(path)) return file
      const read = file.read.bind(file)
      file.read = async (bytes, offset, length, position) => {
        const count = await read(bytes, offset, length, position)
        if (position === 0 && count > 0) bytes[offset]! ^= 1
        return count
      }
      return file
    },
  }
}
