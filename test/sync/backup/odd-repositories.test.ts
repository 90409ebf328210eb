import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { restore } from '../../../src/restore.ts'
import { memoir } from '../../cli/program.ts'
import { deposits, makeLog, temporaryFolder } from '../../log/log-fixture.ts'
import { git, gitText } from '../../repository/real-git.ts'
import { backUp, bundlesIn, fingerprint, storedLines } from './backup-fixture.ts'

/** A clone that has the last commits alone. */
function shallowClone(path: string, depth: number): string {
  const clone = join(temporaryFolder(), 'shallow.git')
  git(temporaryFolder(), ['clone', '--quiet', '--bare', `--depth=${depth}`, `file://${path}`, clone])
  return clone
}

/** A log of as many commits as events. */
async function makeLongLog(count: number, path?: string): Promise<string> {
  let made = path
  for (let at = 0; at < count; at++)
    made = await makeLog(deposits(1), made === undefined ? {} : { path: made })
  return made!
}

describe('a backup of a repository', () => {
  it.each([
    'line\nfeed',
    'tab\tbed',
    'bell\u0007',
    'escape\u001b[31m',
    'quote"',
    'back\\slash',
    '#hash',
    'délete\u007f',
  ])('at the path %j is restored', async (name) => {
    const folder = join(temporaryFolder(), name)
    const path = await makeLog(deposits(3), { path: join(folder, 'log.git') })
    const directory = join(folder, 'backup')
    expect(await backUp(path, directory)).toMatchObject({ from: 0, to: 3 })
    const copy = join(folder, 'copy.git')
    await restore(directory, copy)
    expect(storedLines(copy)).toBe(storedLines(path))
  })
})

describe('a backup of a shallow clone', () => {
  it('is refused, says what to do, and leaves nothing', async () => {
    const clone = shallowClone(await makeLongLog(3), 2)
    const directory = join(temporaryFolder(), 'backup')
    const backup = backUp(clone, directory)
    await expect(backup).rejects.toMatchObject({ code: 'unsupported-repository', path: clone })
    await expect(backup).rejects.toThrow(`cut off at commit ${gitText(clone, 'rev-parse', 'main~1')}`)
    expect(existsSync(directory)).toBe(false)
    const { code, stderr } = await memoir(['-C', clone, 'backup', directory])
    expect(code).toBe(1)
    expect(stderr).toContain('git fetch --unshallow')
    expect(existsSync(directory)).toBe(false)
  })

  it('into a backup that is there leaves that as it was', async () => {
    const path = await makeLongLog(2)
    const directory = temporaryFolder()
    await backUp(path, directory)
    await makeLongLog(4, path)
    const before = fingerprint(directory)
    const names = readdirSync(directory)
    await expect(backUp(shallowClone(path, 1), directory)).rejects.toMatchObject({
      code: 'unsupported-repository',
    })
    expect(fingerprint(directory)).toEqual(before)
    expect(readdirSync(directory)).toEqual(names)
  })

  it('that has all that the backup lacks is made', async () => {
    const path = await makeLongLog(8)
    const directory = temporaryFolder()
    await backUp(path, directory)
    await makeLongLog(2, path)
    const clone = shallowClone(path, 4)
    expect(await backUp(clone, directory)).toMatchObject({ from: 8, to: 10, bundles: 2 })
    expect(await backUp(clone, directory)).toMatchObject({ bundle: undefined })
    expect(bundlesIn(directory)).toHaveLength(2)
    const copy = join(temporaryFolder(), 'copy.git')
    await restore(directory, copy)
    expect(storedLines(copy)).toBe(storedLines(path))
  })

  it('is made once the rest was fetched', async () => {
    const path = await makeLongLog(3)
    const clone = shallowClone(path, 1)
    git(clone, ['fetch', '--quiet', '--unshallow'])
    expect(await backUp(clone, temporaryFolder())).toMatchObject({ from: 0, to: 3 })
  })
})
