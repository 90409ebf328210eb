import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Why a file system cannot be mounted here, for the name of a test that is skipped; undefined if it can. */
export function whyNoMount(...programs: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = ['mount', 'umount', ...programs].find((program) => !isThere(program))
  if (missing !== undefined) return `needs ${missing}`
  const probe = mkdtempSync(join(tmpdir(), 'memoir-mount-'))
  try {
    if (!succeeds('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe)) return 'needs the right to mount'
    execFileSync('umount', [probe])
    return undefined
  } finally {
    rmSync(probe, { recursive: true })
  }
}

/** A tmpfs in a new folder, for one test. */
export function mountTmpfs(options: string): {
  readonly path: string
  readonly remount: (o: string) => void
} {
  const path = mkdtempSync(join(tmpdir(), 'memoir-tmpfs-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', path])
    rmSync(path, { recursive: true })
  })
  return { path, remount: (o) => void execFileSync('mount', ['-o', `remount,${o}`, path]) }
}

/** A real file system on a disk of its own that can lose its power. */
export class LoopDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'memoir-disk-'))
  readonly #image = join(this.#folder, 'image')
  readonly path = join(this.#folder, 'mounted')
  readonly #shutDown = join(this.#folder, 'shut-down')
  #isMounted = false

  /** @throws when the system has no loop device to give */
  constructor(kind: 'ext4' | 'xfs') {
    mkdirSync(this.path)
    writeFileSync(this.#image, '')
    // The smallest that mkfs.xfs makes has 300 MiB; what is not written takes no room.
    truncateSync(this.#image, (kind === 'xfs' ? 320 : 128) << 20)
    execFileSync(`mkfs.${kind}`, ['-q', this.#image])
    execFileSync('gcc', ['-o', this.#shutDown, join(import.meta.dirname, 'shut-down.c')])
    onTestFinished(() => this.#remove())
    this.mount()
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.path])
    this.#isMounted = true
  }

  unmount(): void {
    // A git that a killed process had started ends a little later.
    waitUntil(() => succeeds('umount', this.path), `${this.path} is in use and cannot be unmounted`)
    this.#isMounted = false
    // A process that somebody started meanwhile in a mount namespace of its own still has it.
    waitUntil(
      () => execFileSync('losetup', ['-j', this.#image]).length === 0,
      `${this.path} is mounted elsewhere`,
    )
  }

  /** From now on nothing reaches the disk, not even the log of the file system: as if the power had gone. */
  cutPower(): void {
    execFileSync(this.#shutDown, [this.path])
  }

  #remove(): void {
    if (this.#isMounted) succeeds('umount', '--lazy', this.path)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function waitUntil(isSo: () => boolean, otherwise: string): void {
  for (let attempt = 1; !isSo(); attempt++) {
    if (attempt === 200) throw new Error(otherwise)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  }
}

export function isThere(program: string): boolean {
  return succeeds('sh', '-c', `command -v ${program}`)
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
