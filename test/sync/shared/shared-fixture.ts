import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { open } from '../../../src/memoir.ts'
import type { SharedOptions } from '../../../src/options.ts'
import type { SharedLog } from '../../../src/shared-log.ts'
import { forgetLocks } from '../../crash/observation.ts'
import { gitText, temporaryFolder } from '../../log/event-log-fixture.ts'

/** A bare remote that holds an empty log, and a folder for the clones of it. */
export class SharedRemote {
  private readonly known = new Set<string>()

  private constructor(readonly folder: string) {}

  static async create(): Promise<SharedRemote> {
    const folder = temporaryFolder()
    await (await open(`${folder}/remote.git`)).close()
    return new SharedRemote(folder)
  }

  get path(): string {
    return `${this.folder}/remote.git`
  }

  /** Opens a clone of its own name, made when it is missing; closed when the test ends. */
  async open(name: string, options: Partial<SharedOptions> = {}): Promise<SharedLog> {
    if (!this.known.has(name)) this.mend(name)
    this.known.add(name)
    const log = await open(`${this.folder}/${name}.git`, {
      mode: 'shared',
      remote: `${this.folder}/way-of-${name}`,
      shared: { fetchMs: 3_600_000 },
      ...options,
    })
    onTestFinished(() => log.close())
    return log
  }

  /** The commit that its branch is at. */
  get head(): string {
    return gitText(this.path, 'rev-parse', 'HEAD')
  }

  /** How many commits its branch has. */
  get commits(): number {
    return Number(gitText(this.path, 'rev-list', '--count', 'HEAD'))
  }

  /** Sets its branch back to a commit that it was at. */
  rewind(commit: string): void {
    gitText(this.path, 'update-ref', 'HEAD', commit)
  }

  /** Lets the remote run a script at each push. */
  hook(name: string, script: string): void {
    const path = `${this.path}/hooks/${name}`
    mkdirSync(`${this.path}/hooks`, { recursive: true })
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
  }

  /** Lets the remote run a script at its next push, and none after it. */
  hookOnce(name: string, script: string): void {
    this.hook(name, `rm -f ${this.path}/hooks/${name}; touch ${this.folder}/has-run\n${script}`)
  }

  /** Whether a hook has run. */
  get hasRun(): boolean {
    return existsSync(`${this.folder}/has-run`)
  }

  /** Takes the remote away from a clone. */
  cut(name: string): void {
    unlinkSync(`${this.folder}/way-of-${name}`)
  }

  mend(name: string): void {
    symlinkSync(this.path, `${this.folder}/way-of-${name}`)
  }

  /** Copies a clone as it lies on the disk, as after the sudden end of its process. */
  copy(from: string, to: string): void {
    cpSync(`${this.folder}/${from}.git`, `${this.folder}/${to}.git`, { recursive: true })
    forgetLocks(`${this.folder}/${to}.git`)
  }
}
