import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { open } from '../../src/memoir.ts'
import { git, gitText, temporaryDirectory } from '../repository/real-git.ts'
import type { Ended, Started } from './program.ts'

export interface Place {
  readonly folder: string
  readonly log: string
  readonly backup: string
  readonly remote: string
  readonly restored: string
}

/** Well before the five seconds after which a command is ended. */
export const PROMPT_MS = 3000

/** A log of six commits, a remote and a backup that have three of them, and no folder to restore to yet. */
export async function prepare(): Promise<Place> {
  const folder = temporaryDirectory()
  const place = {
    folder,
    log: `${folder}/log.git`,
    backup: `${folder}/backup`,
    remote: `${folder}/remote.git`,
    restored: `${folder}/restored.git`,
  }
  mkdirSync(place.remote)
  git(place.remote, ['init', '--quiet', '--bare', '--initial-branch=main'])
  await using log = await open(place.log, { watch: false, maintenance: false })
  const append = async (from: number) => {
    for (let n = from; n < from + 3; n++) {
      await log.append('s', [{ type: 'Counted', data: { n } }], { ack: 'committed' })
    }
  }
  await append(0)
  await log.push(place.remote)
  await log.backup(place.backup)
  await append(3)
  return place
}

/** A folder with a git that says so and waits when it comes to one command, and does all others. */
export function hangingGit(folder: string, command: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const real = gitText(folder, '--exec-path')
  const script = `#!/bin/sh
case " $* " in
*" ${command} "*) echo $$ > "${folder}/git-is-there"; mv "${folder}/git-is-there" "${folder}/git-is-at-it"; exec tail -f /dev/null ;;
esac
exec "${real}/git" "$@"
`
  writeFileSync(join(bin, 'git'), script)
  chmodSync(join(bin, 'git'), 0o755)
  return bin
}

/** Waits until the git of `hangingGit` is where it waits. */
export async function pidOfGit({ folder }: Place): Promise<number> {
  const path = `${folder}/git-is-at-it`
  await expect.poll(() => existsSync(path), { timeout: 20_000 }).toBe(true)
  return Number(readFileSync(path, 'utf8'))
}

/** Sends Ctrl-C. @returns how it ended, and after how long */
export async function interrupt({ child, ended }: Started): Promise<Ended & { readonly ms: number }> {
  const began = performance.now()
  child.kill('SIGINT')
  return { ...(await ended), ms: performance.now() - began }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
