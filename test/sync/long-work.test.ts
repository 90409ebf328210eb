import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Assembly } from '../../src/assembly.ts'
import { clone, open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import { balances, deposit, TemporaryFolder } from '../image/image-fixture.ts'
import { git, gitText } from '../repository/real-git.ts'

const EVENTS = 12

/** Work that takes long, begun on the clone of a log. */
interface Work {
  readonly name: string
  /** @param underWay to be called when it has begun */
  readonly begin: (log: Log, folder: TemporaryFolder, underWay: () => void) => Promise<unknown>
}

const WORK: readonly Work[] = [
  { name: 'a look at the past', begin: (log, _, underWay) => atOnce(log.at(EVENTS), underWay) },
  { name: 'a pull', begin: (log, _, underWay) => atOnce(log.pull(), underWay) },
  {
    name: 'a backup',
    begin: (log, folder, underWay) => atOnce(log.backup(folder.join('backup')), underWay),
  },
  {
    name: 'a drill that clones',
    begin: (log, folder, underWay) => atOnce(log.drill(folder.join('bank.git')), underWay),
  },
  {
    name: 'a drill that compares',
    begin: (log, folder, underWay) =>
      log.drill(folder.join('bank.git'), {
        onReplayed: (done, total) => {
          if (done === total) underWay()
        },
      }),
  },
  {
    name: 'maintenance',
    begin: async (log, _, underWay) => {
      await log.append('a', [deposit(EVENTS)], { ack: 'committed' })
      return atOnce(log.maintain(), underWay)
    },
  },
  { name: 'a verification', begin: (log, _, underWay) => log.verify({ onProgress: underWay }) },
]

function atOnce(work: Promise<unknown>, underWay: () => void): Promise<unknown> {
  underWay()
  return work
}

/** A log of some commits in a folder, `bank.git`, and a clone of it. */
async function scene(): Promise<{ readonly log: Log; readonly folder: TemporaryFolder }> {
  const folder = new TemporaryFolder()
  onTestFinished(() => folder[Symbol.dispose]())
  await using bank = await open(folder.join('bank.git'))
  for (let count = 0; count < EVENTS; count++) await bank.append('a', [deposit(count)], { ack: 'committed' })
  const log = await clone(folder.join('bank.git'), folder.join('clone.git'), { projections: [balances] })
  return { log, folder }
}

describe.each(WORK)('$name', ({ begin }) => {
  it('is cut off when the log is closed, and nothing of it goes on', async () => {
    const { log, folder } = await scene()
    let work: Promise<unknown> | undefined
    await new Promise<void>((underWay) => {
      work = begin(log, folder, underWay).catch((error: unknown) => error)
    })
    await log.close()
    expect(processesIn(folder.path)).toEqual([])
    expect(await work).toMatchObject({ code: 'log-closed' })
  })
})

it('a backup that was cut off is as it was, and the next one makes it', async () => {
  const { log, folder } = await scene()
  const backup = folder.join('backup')
  const cutOff = log.backup(backup).catch((error: unknown) => error)
  await log.close()
  expect(await cutOff).toMatchObject({ code: 'log-closed' })
  expect(existsSync(backup) ? readdirSync(backup) : []).not.toContain('writer.lock')
  await using again = await open(folder.join('clone.git'))
  expect(await again.backup(backup)).toMatchObject({ to: EVENTS, bundles: 1 })
})

it('a push to a remote that is new brings nothing there after the pushers are closed', async () => {
  const { log, folder } = await scene()
  await log.close()
  const remote = folder.join('remote.git')
  git(folder.path, ['init', '--quiet', '--bare', remote])
  const assembly = await Assembly.open(folder.join('clone.git'), { watch: false })
  onTestFinished(() => assembly.close())
  const pushed = assembly.pushers.push(remote, {}).catch((error: unknown) => error)
  await assembly.pushers.close()
  expect(await pushed).toMatchObject({ code: 'log-closed' })
  expect(gitText(remote, 'for-each-ref')).toBe('')
})

/** The commands of the processes that were told of a folder. */
function processesIn(path: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        // It has ended.
        return ''
      }
    })
    .filter((command) => command.includes(path))
}
