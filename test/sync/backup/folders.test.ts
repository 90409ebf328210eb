import { cpSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { restore } from '../../../src/restore.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { deposits, makeLog, temporaryFolder } from '../../log/log-fixture.ts'
import { backUp, fingerprint, storedLines } from './backup-fixture.ts'

describe('a folder that would go with the log', () => {
  it('is refused where a link leads to it, or the log is opened through one', async () => {
    const path = await makeLog(deposits(1))
    const folder = temporaryFolder()
    symlinkSync(join(path, 'memoir'), join(folder, 'backups'))
    symlinkSync(path, join(folder, 'log.git'))
    const refused = { code: 'usage' }
    await expect(backUp(path, join(folder, 'backups/a new one'))).rejects.toMatchObject(refused)
    await expect(backUp(join(folder, 'log.git'), join(path, 'backup'))).rejects.toMatchObject(refused)
    expect(readdirSync(path).concat(readdirSync(join(path, 'memoir')))).not.toContain('backup')
    expect(await backUp(join(folder, 'log.git'), join(folder, 'backup'))).toMatchObject({ to: 1 })
  })
})

it('a restore to a link that leads nowhere is refused before anything is read', async () => {
  const folder = temporaryFolder()
  const [directory, target] = [join(folder, 'backup'), join(folder, 'r.git')]
  await backUp(await makeLog(deposits(1)), directory)
  symlinkSync('gone', target)
  const onTransfer = vi.fn()
  await expect(restore(directory, target, { onTransfer })).rejects.toMatchObject({
    code: 'not-a-repository',
    message: expect.stringContaining('it is a link that leads nowhere'),
  })
  expect(onTransfer).not.toHaveBeenCalled()
  expect(readdirSync(folder).sort()).toEqual(['backup', 'r.git'])
})

describe('a folder that another backup of the log takes the place of meanwhile, as where disks take turns,', () => {
  // While the history is checked, before the catalog is written, and before what is merged is removed.
  it.each([
    ['stat', '000000000000-000000000009.bundle', 3],
    ['rename', '.tmp', 3],
    ['rename', 'backup.json', 9],
  ] as const)('is left as it is after %s of %s, and can be backed up into', async (call, name, held) => {
    const folder = temporaryFolder()
    const [first, second] = [join(folder, 'first'), join(folder, 'second')]
    const path = await makeLog(deposits(held))
    await backUp(path, second)
    await makeLog(deposits(9 - held), { path })
    await backUp(path, first)
    await makeLog(deposits(7), { path })
    const before = fingerprint(second)

    const directory = join(folder, 'mounted')
    cpSync(first, directory, { recursive: true })
    let isHere = true
    const fileSystem = after(call, (on) => {
      if (!on.startsWith(directory) || !on.includes(name) || !isHere) return
      isHere = false
      renameSync(directory, join(folder, 'taken away'))
      renameSync(second, directory)
    })
    await expect(backUp(path, directory, { fileSystem })).rejects.toMatchObject({ code: 'file-failed' })
    expect(fingerprint(directory)).toEqual(before)

    // What it had locked: the one who holds that is this very process.
    for (const name of readdirSync(join(folder, 'taken away'))) {
      if (name.endsWith('.lock')) rmSync(join(folder, 'taken away', name))
    }
    for (const one of [directory, join(folder, 'taken away')]) {
      await backUp(path, one)
      const restored = join(temporaryFolder(), 'r.git')
      await restore(one, restored)
      expect(storedLines(restored)).toBe(storedLines(path))
    }
  })
})

/** The real file system, where something happens right after some calls. */
function after(call: 'stat' | 'rename', happen: (path: string) => void): FileSystem {
  return {
    ...nodeFileSystem,
    async stat(path) {
      const stat = await nodeFileSystem.stat(path)
      if (call === 'stat') happen(path)
      return stat
    },
    async rename(from, to) {
      await nodeFileSystem.rename(from, to)
      if (call === 'rename') happen(`${from} ${to}`)
    },
  }
}
