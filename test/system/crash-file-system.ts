import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { type File, type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'

/** A file's identity, whatever its names. */
interface Inode {
  readonly initial: Buffer
}

/** A place in a directory tree; `undefined` stands for nothing, `'directory'` for a directory. */
type Target = Inode | 'directory' | undefined

type Step =
  | { readonly kind: 'write'; readonly inode: Inode; readonly bytes: Buffer; readonly position: number }
  | { readonly kind: 'truncate'; readonly inode: Inode; readonly length: number }
  /** Every change of the inode before step `upTo` is on the disk; with a range, only what lies in it. */
  | { readonly kind: 'sync'; readonly inode: Inode; readonly upTo: number; readonly range?: Range }
  /** Names changed at once: a creation and a removal have one, a renaming two. */
  | { readonly kind: 'names'; readonly names: readonly (readonly [path: string, target: Target])[] }
  | { readonly kind: 'sync-directory'; readonly path: string; readonly upTo: number }

interface Range {
  readonly start: number
  readonly end: number
}

/** Decides for each thing that was not synced whether it survives the power cut. */
export type Survives = () => boolean

export interface PowerCut {
  /** After how many steps the power goes; default: now. See `steps`. */
  readonly at?: number
  /** Asked once for each sector of a write, each truncation and each change of names not synced. */
  readonly survives: Survives
  /** Whether a file that grew has got its new length, with zeros in place of what was lost. Default false. */
  readonly keepsLength?: boolean
  /** An empty or missing directory outside of the root, where the state is put. */
  readonly target: string
}

const SECTOR_BYTES = 512

/**
 * A file system that can lose its power.
 *
 * It works on real files below a root, and keeps a record of each change and each sync. From the record it
 * produces what a disk could hold after a power cut at any step: everything that was synced, and of the
 * rest whatever `survives` picks, in any order, each sector by itself. It allows all that POSIX does: a
 * synced file without a synced directory has no name, and an O_DSYNC write syncs its own range only.
 */
export class CrashFileSystem implements FileSystem {
  readonly #root: string
  readonly #inner: FileSystem
  readonly #steps: Step[] = []
  readonly #initial = new Map<string, Target>()
  /** The names as a process sees them. */
  readonly #names = new Map<string, Target>()

  private constructor(root: string, inner: FileSystem) {
    this.#root = root
    this.#inner = inner
  }

  /** Watches over a directory; what stands in it is taken to be on the disk. */
  static async over(root: string, inner: FileSystem = nodeFileSystem): Promise<CrashFileSystem> {
    const fileSystem = new CrashFileSystem(resolve(root), inner)
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      fileSystem.#initial.set(
        resolve(path),
        entry.isDirectory() ? 'directory' : { initial: await readFile(path) },
      )
    }
    for (const [path, target] of fileSystem.#initial) fileSystem.#names.set(path, target)
    return fileSystem
  }

  /** How many steps were taken: remember it when something is acknowledged, to cut the power there or later. */
  get steps(): number {
    return this.#steps.length
  }

  async open(path: string, flags: string | number, mode?: number): Promise<File> {
    const file = await this.#inner.open(path, flags, mode)
    const known = this.#names.get(resolve(path))
    const inode: Inode = typeof known === 'object' ? known : { initial: Buffer.alloc(0) }
    if (known === undefined) this.#rename([[path, inode]])
    else if (truncates(flags)) this.#steps.push({ kind: 'truncate', inode, length: 0 })
    return new CrashFile(file, inode, this.#steps, syncsOnWrite(flags))
  }

  readFile(path: string): Promise<Buffer> {
    return this.#inner.readFile(path)
  }

  list(path: string): Promise<string[]> {
    return this.#inner.list(path)
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.#inner.stat(path)
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#inner.makeDirectory(path)
    this.#makeDirectory(resolve(path))
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#inner.rename(from, to)
    this.#rename([
      [from, undefined],
      [to, this.#names.get(resolve(from))],
    ])
  }

  async remove(path: string): Promise<void> {
    await this.#inner.remove(path)
    this.#rename([[path, undefined]])
  }

  async syncDirectory(path: string): Promise<void> {
    const upTo = this.#steps.length
    await this.#inner.syncDirectory(path)
    this.#steps.push({ kind: 'sync-directory', path: resolve(path), upTo })
  }

  /** Records a file that somebody else made or replaced. Its name is not synced, its content may be. */
  noticeFile(path: string, content: Buffer, isSynced: boolean): void {
    this.#makeDirectory(dirname(resolve(path)))
    const inode: Inode = { initial: Buffer.alloc(0) }
    this.#steps.push({ kind: 'write', inode, bytes: content, position: 0 })
    if (isSynced) this.#steps.push({ kind: 'sync', inode, upTo: this.#steps.length })
    this.#rename([[path, inode]])
  }

  /** Records that somebody else removed a file. */
  noticeRemoval(path: string): void {
    this.#rename([[path, undefined]])
  }

  /**
   * Puts a state into `target` that the disk could hold after a power cut.
   *
   * @returns a hash of all that stands there: most steps change nothing that outlives a power cut
   */
  async crash({ at = this.#steps.length, survives, keepsLength = false, target }: PowerCut): Promise<string> {
    const steps = this.#steps.slice(0, at)
    const contents = new Map<Inode, Buffer>()
    const hashes: string[] = []
    for (const [path, node] of this.#namesAfter(steps, survives)) {
      if (node === undefined) continue
      const name = relative(this.#root, path)
      const place = join(target, name)
      await mkdir(node === 'directory' ? place : dirname(place), { recursive: true })
      if (node === 'directory') hashes.push(hash(`${name}/`))
      else {
        const bytes = contents.get(node) ?? contentAfter(steps, node, survives, keepsLength)
        contents.set(node, bytes)
        await writeFile(place, bytes)
        hashes.push(hash(`${name}\0`, bytes))
      }
    }
    await mkdir(target, { recursive: true })
    return hash(...hashes.sort())
  }

  /** With those that it lies in. */
  #makeDirectory(path: string): void {
    const missing: string[] = []
    for (let at = path; at !== this.#root && !this.#names.has(at); at = dirname(at)) missing.unshift(at)
    for (const created of missing) this.#rename([[created, 'directory']])
  }

  #rename(changes: readonly (readonly [path: string, target: Target])[]): void {
    const names = changes.map(([path, target]) => [resolve(path), target] as const)
    this.#steps.push({ kind: 'names', names })
    for (const [path, target] of names) this.#names.set(path, target)
  }

  #namesAfter(steps: readonly Step[], survives: Survives): Map<string, Target> {
    const names = new Map(this.#initial)
    for (const [index, step] of steps.entries()) {
      if (step.kind !== 'names') continue
      const isSynced = step.names.some(([path]) => wasNameSynced(steps, path, index))
      if (isSynced || survives()) for (const [path, target] of step.names) names.set(path, target)
    }
    for (const path of names.keys()) if (!this.#isReachable(names, path)) names.delete(path)
    return names
  }

  #isReachable(names: ReadonlyMap<string, Target>, path: string): boolean {
    if (names.get(path) === undefined) return false
    const parent = dirname(path)
    return parent === this.#root || this.#isReachable(names, parent)
  }
}

class CrashFile implements File {
  readonly #inner: File
  readonly #inode: Inode
  readonly #steps: Step[]
  readonly #syncsOnWrite: boolean

  constructor(inner: File, inode: Inode, steps: Step[], syncsOnWrite: boolean) {
    this.#inner = inner
    this.#inode = inode
    this.#steps = steps
    this.#syncsOnWrite = syncsOnWrite
  }

  async write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const copy = Buffer.from(bytes.subarray(offset, offset + length))
    const written = await this.#inner.write(bytes, offset, length, position)
    this.#steps.push({ kind: 'write', inode: this.#inode, bytes: copy.subarray(0, written), position })
    const range = { start: position, end: position + written }
    if (this.#syncsOnWrite) this.#sync(this.#steps.length, range)
    return written
  }

  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#inner.read(bytes, offset, length, position)
  }

  readNow(bytes: Uint8Array, offset: number, length: number, position: number): number {
    return this.#inner.readNow(bytes, offset, length, position)
  }

  async truncate(length: number): Promise<void> {
    await this.#inner.truncate(length)
    this.#steps.push({ kind: 'truncate', inode: this.#inode, length })
  }

  async syncData(): Promise<void> {
    const upTo = this.#steps.length
    await this.#inner.syncData()
    this.#sync(upTo)
  }

  async sync(): Promise<void> {
    const upTo = this.#steps.length
    await this.#inner.sync()
    this.#sync(upTo)
  }

  size(): Promise<number> {
    return this.#inner.size()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #sync(upTo: number, range?: Range): void {
    const inode = this.#inode
    this.#steps.push(range ? { kind: 'sync', inode, upTo, range } : { kind: 'sync', inode, upTo })
  }
}

function hash(...parts: readonly (string | Buffer)[]): string {
  const sum = createHash('sha1')
  for (const part of parts) sum.update(part)
  return sum.digest('hex')
}

function truncates(flags: string | number): boolean {
  return typeof flags === 'string' ? flags.startsWith('w') : (flags & constants.O_TRUNC) !== 0
}

// O_SYNC holds the bits of O_DSYNC.
function syncsOnWrite(flags: string | number): boolean {
  return typeof flags === 'string' ? flags.includes('s') : (flags & constants.O_DSYNC) !== 0
}

function wasNameSynced(steps: readonly Step[], path: string, index: number): boolean {
  return steps.some(
    (step) => step.kind === 'sync-directory' && step.path === dirname(path) && index < step.upTo,
  )
}

function contentAfter(
  steps: readonly Step[],
  inode: Inode,
  survives: Survives,
  keepsLength: boolean,
): Buffer {
  const syncs = steps.filter((step) => step.kind === 'sync').filter((step) => step.inode === inode)
  // As large as it ever was, with zeros behind its length: growing sector by sector would copy it each time.
  const content = Buffer.alloc(largestSize(steps, inode))
  let length = inode.initial.copy(content)
  for (const [index, step] of steps.entries()) {
    const isDurable = (range: Range) =>
      syncs.some((sync) => index < sync.upTo && (sync.range === undefined || covers(sync.range, range)))
    if (step.kind === 'truncate' && step.inode === inode) {
      if (isDurable({ start: 0, end: Number.POSITIVE_INFINITY }) || survives()) {
        length = step.length
        content.fill(0, length)
      }
    }
    if (step.kind !== 'write' || step.inode !== inode) continue
    for (const sector of sectors(step.position, step.bytes.length)) {
      const isThere = isDurable(sector) || survives()
      if (isThere || keepsLength) length = Math.max(length, sector.end)
      if (!isThere) continue
      step.bytes.copy(content, sector.start, sector.start - step.position, sector.end - step.position)
    }
  }
  return content.subarray(0, length)
}

function largestSize(steps: readonly Step[], inode: Inode): number {
  const sizes = steps.map((step) => {
    if (step.kind === 'write' && step.inode === inode) return step.position + step.bytes.length
    return step.kind === 'truncate' && step.inode === inode ? step.length : 0
  })
  return Math.max(inode.initial.length, ...sizes)
}

/** The parts of a range that a disk writes as a whole. */
function sectors(start: number, length: number): Range[] {
  const found: Range[] = []
  const end = start + length
  for (let at = start; at < end; ) {
    const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
    found.push({ start: at, end: next })
    at = next
  }
  return found
}

function covers(outer: Range, inner: Range): boolean {
  return outer.start <= inner.start && inner.end <= outer.end
}

/** A choice that can be repeated: the same seed always picks the same survivors. */
export function randomSurvivors(seed: number, probability = 0.5): Survives {
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < probability
  }
}
