import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setForTest } from './network.ts'

/** Real git, of which every process that is started, and every one that git starts, is written down. */
export class GitRecorder {
  readonly #arguments: string
  readonly #trace: string

  /** @param folder an empty one. For the time of a test, the git of this process and of those it starts. */
  constructor(folder: string) {
    this.#arguments = join(folder, 'arguments')
    this.#trace = join(folder, 'trace')
    const programs = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()
    const recorded = join(folder, 'recorded')
    for (const name of ['git', ...readdirSync(programs)]) {
      if (!/^git(-|$)/.test(name)) continue
      // A shell has its own `printf`: what is written here is in no list of processes.
      write(recorded, name, [
        `printf '%s\\n' '${name}' "$@" >>'${this.#arguments}'`,
        `export GIT_EXEC_PATH='${recorded}' GIT_TRACE='${this.#trace}'`,
        `exec '${join(programs, name)}' "$@"`,
      ])
    }
    for (const path of [this.#arguments, this.#trace]) writeFileSync(path, '')
    setForTest('PATH', `${recorded}${delimiter}${process.env.PATH}`)
  }

  /** The names and arguments of all programs of git's that were run, and what git says of others that it ran. */
  get said(): string {
    return readFileSync(this.#arguments, 'utf8') + readFileSync(this.#trace, 'utf8')
  }
}

function write(folder: string, name: string, lines: readonly string[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 })
}
