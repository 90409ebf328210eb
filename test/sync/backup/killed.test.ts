import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { restore } from '../../../src/restore.ts'
import { Random } from '../../crash/random.ts'
import { times } from '../../crash/scale.ts'
import { temporaryFolder } from '../../log/log-fixture.ts'
import { gitText } from '../../repository/real-git.ts'
import { backUp, bundlesIn, storedLines } from './backup-fixture.ts'

const MAIN = join(import.meta.dirname, '../../../dist/cli/main.js')
const KILLS = times(15, 200)
/** A backup takes about half a second, most of it until the program is loaded. */
const LONGEST_LIFE_MS = 900

test(
  `a backup killed ${KILLS} times at random moments can always be restored, and goes on`,
  async () => {
    const random = new Random(Date.now())
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    let inTime = 0
    for (let kill = 0; kill < KILLS; kill++) {
      {
        await using log = await open(path)
        for (let n = random.below(8); n >= 0; n--) {
          const data = { kill, padding: 'x'.repeat(random.below(2000)) }
          await log.append(`account-${n}`, [{ type: 'MoneyDeposited', data }], { ack: 'committed' })
        }
      }
      const before = lastOf(directory)
      const child = spawn(process.execPath, [MAIN, '-C', path, 'backup', directory], { stdio: 'ignore' })
      const timer = setTimeout(() => child.kill('SIGKILL'), random.below(LONGEST_LIFE_MS))
      const [, signal] = await once(child, 'exit')
      clearTimeout(timer)
      if (signal === 'SIGKILL') inTime++

      const now = lastOf(directory)
      expect(now).toBeGreaterThanOrEqual(before)
      if (now === -1) continue
      const target = join(temporaryFolder(), 'r.git')
      expect(await restore(directory, target)).toMatchObject({ position: now })
      expect(storedLines(path).startsWith(storedLines(target))).toBe(true)
      // Two hundred of them at the end would take the disk too long.
      rmSync(target, { recursive: true })
    }
    expect(inTime).toBeGreaterThan(0)
    await backUp(path, directory)
    const target = join(temporaryFolder(), 'r.git')
    const { commit, bundles } = await restore(directory, target)
    expect(commit).toBe(gitText(path, 'rev-parse', 'main'))
    expect(bundlesIn(directory)).toEqual(bundles)
  },
  KILLS * 20_000,
)

/** The last position in a backup; -1 for none. */
function lastOf(directory: string): number {
  try {
    return JSON.parse(readFileSync(join(directory, 'backup.json'), 'utf8')).bundles.at(-1)?.last ?? -1
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return -1
    throw error
  }
}
