import { readdirSync, readFileSync, utimesSync } from 'node:fs'
import { expect, vi } from 'vitest'
import { fsck, gitSucceeds, gitText } from '../repository/real-git.ts'
import type { Network } from './network.ts'

const MAIN = 'refs/heads/main'

/** The commit that a repository's branch is at; empty for one that has none. */
export function head(gitDirectory: string): string {
  return gitText(gitDirectory, 'for-each-ref', '--format=%(objectname)', MAIN)
}

/** That history never split: one repository holds a prefix of what the other has. */
export async function expectPrefix(shorter: string, longer: string): Promise<void> {
  const commit = head(shorter)
  if (commit === '') return
  const isPrefix = await gitSucceeds(longer, 'merge-base', '--is-ancestor', commit, MAIN)
  expect(isPrefix, `${commit} is on the branch of ${longer}`).toBe(true)
}

/** That both sides are whole, and nothing that failed is left: no process, no lock, no half of anything. */
export async function expectSound({ remote, folder, server }: Network, local: string): Promise<void> {
  await server.idle()
  await expectNoGitLeft(folder)
  for (const repository of [remote, local]) {
    expect(fsck(repository)).toBe('')
  }
  expect(leftovers(local)).toEqual([])
  // A receive-pack that was cut leaves its quarantine for the gc of its host.
  expect(leftovers(remote).filter((path) => !path.startsWith('objects/tmp_objdir-'))).toEqual([])
}

/** The lock files and the temporary files of git that are in a repository. */
export function leftovers(gitDirectory: string): string[] {
  return readdirSync(gitDirectory, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.lock$|(^|\/)(tmp_|incoming-)/.test(path) && !path.startsWith('memoir/'))
    .sort()
}

/** Lets time pass for what transfers left behind: the next one removes it once it is some seconds old. */
export function makeOld(gitDirectory: string): void {
  for (const path of leftovers(gitDirectory)) utimesSync(`${gitDirectory}/${path}`, 0, 0)
}

/** That no git, and no helper of one, works below a folder any more, but for those that an open log keeps. */
export async function expectNoGitLeft(folder: string, timeout = 5_000): Promise<void> {
  await vi.waitFor(() => expect(gitsAt(folder)).toEqual([]), { timeout, interval: 20 })
}

/** The commands of all gits that name a folder in their environment. */
export function gitsAt(folder: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
      const isOurs = /\b(git|ssh)\b/.test(command) && !command.includes('cat-file')
      return isOurs && read(`/proc/${pid}/environ`).includes(folder) ? [command] : []
    })
}

/** Empty for a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Looks while work is going on, so many times at most. Whatever is wrong with the work is told once all looks are done. */
export async function lookWhile(
  work: readonly Promise<unknown>[],
  looks: number,
  look: () => Promise<void>,
): Promise<void> {
  let isWorking = true
  const worked = Promise.all(work).finally(() => {
    isWorking = false
  })
  worked.catch(() => undefined)
  for (let number = 0; number < looks && isWorking; number++) await look()
  await worked
}
