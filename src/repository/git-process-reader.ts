import { createHash } from 'node:crypto'
import { CatFile } from './cat-file.ts'
import type { CatFileAnswer } from './cat-file-process.ts'
import { countSteps } from './commit-steps.ts'
import { ObjectCorruptError, ObjectMissingError } from './errors.ts'
import { GitFailedError } from './git-process-errors.ts'
import { type GitObject, type GitReader, ReaderClosedError } from './git-reader.ts'
import { LooseObjects } from './loose-objects.ts'
import { isObjectId } from './object.ts'
import { readAhead } from './read-ahead.ts'
import { type HasRoom, NO_ROOM } from './room.ts'
import type { GitRunner } from './runner.ts'
import { SmallPacks } from './small-packs.ts'

/**
 * Reads through one long-lived `git cat-file`: 0.1 ms a small object, 4 ms a MiB, its SHA-1 included. Loose
 * objects, and until git is needed those of small packs, are read here: a repository whose last objects are such is
 * opened without git.
 */
export class GitProcessReader implements GitReader {
  readonly engine = 'git'
  readonly #runner: GitRunner
  readonly #loose: LooseObjects
  readonly #packs: SmallPacks
  readonly #contents: CatFile
  readonly #infos: CatFile
  #isClosed = false

  /** `limitBytes` is the largest content that is taken into memory. The runner stays the caller's. */
  constructor(runner: GitRunner, gitDirectory: string, limitBytes: number) {
    this.#runner = runner
    this.#loose = new LooseObjects(gitDirectory, limitBytes)
    this.#packs = new SmallPacks(gitDirectory, limitBytes, MANY_DELTAS)
    this.#contents = new CatFile(runner, '--batch', limitBytes)
    this.#infos = new CatFile(runner, '--batch-check', limitBytes)
  }

  async read(oid: string): Promise<GitObject> {
    // Whatever its size, there is room.
    return (await this.#read(oid, () => true)) as GitObject
  }

  readMany(oids: readonly string[], signal?: AbortSignal): AsyncIterable<GitObject> {
    return readAhead(oids, (oid, hasRoom) => this.#read(oid, hasRoom), signal)
  }

  async sizes(oids: readonly string[]): Promise<number[]> {
    const wrong = oids.find((oid) => !isObjectId(oid))
    if (wrong !== undefined) throw new ObjectMissingError(wrong)
    const sizes: number[] = []
    for (let at = 0; at < oids.length; at += SIZES_AT_ONCE) {
      const some = oids.slice(at, at + SIZES_AT_ONCE)
      const answers = await Promise.allSettled(some.map((oid) => this.#infos.ask(oid)))
      for (const [place, answer] of answers.entries()) {
        const oid = some[place]!
        // One after the other: a git is started to find out why there is none.
        const isKnown = answer.status === 'fulfilled'
        sizes.push((isKnown ? answer.value : await this.#ask(oid, () => this.#infos.ask(oid))).size)
      }
    }
    return sizes
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    await this.sizes([ancestor, descendant])
    // What cannot be read on the way, such as what a shallow clone lacks, git judges.
    const steps = await countSteps(this, ancestor, descendant, FEW_STEPS).catch(() => undefined)
    if (steps !== undefined) return true
    try {
      await this.#runner.run(['merge-base', '--is-ancestor', '--end-of-options', ancestor, descendant])
      return true
    } catch (error) {
      if (error instanceof GitFailedError && error.exitCode === 1) return false
      throw error
    }
  }

  /** Nothing to do: git looks for new packs by itself when it misses an object. */
  refresh(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await Promise.all([this.#contents[Symbol.asyncDispose](), this.#infos[Symbol.asyncDispose]()])
  }

  async #read(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM> {
    if (!isObjectId(oid)) throw new ObjectMissingError(oid)
    const object = (await this.#readRecent(oid, hasRoom)) ?? (await this.#readPacked(oid, hasRoom))
    if (this.#isClosed) throw new ReaderClosedError()
    return object
  }

  async #readRecent(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM | undefined> {
    const loose = await this.#loose.find(oid, hasRoom)
    // Once it runs, git is quicker with one packed object after the other.
    if (loose !== undefined || this.#contents.isRunning) return loose
    const packed = await this.#packs.find(oid, hasRoom)
    // Between the rounds that were packed are others that are loose, and the first commits are.
    if (packed !== undefined) this.#loose.expectMore()
    return packed
  }

  async #readPacked(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM> {
    const answer = await this.#ask(oid, () => this.#contents.askIfRoom(oid, hasRoom))
    return answer === NO_ROOM ? NO_ROOM : checked(oid, answer)
  }

  async #ask<Answer>(oid: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof GitFailedError && error.stderr.includes(oid)) throw unreadable(oid, error)
      if (error instanceof ObjectMissingError && (await this.#exists(oid))) return this.#askAgain(oid, ask)
      throw error
    }
  }

  /** Git calls an object missing that it has and cannot read, but one may also have come in just now. */
  async #askAgain<Answer>(oid: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (error) {
      throw error instanceof ObjectMissingError ? unreadable(oid, error) : error
    }
  }

  /** Whether git has an object of this name, readable or not. */
  async #exists(oid: string): Promise<boolean> {
    try {
      await this.#runner.run(['cat-file', '-e', '--end-of-options', oid])
      return true
    } catch (error) {
      if (error instanceof GitFailedError && error.exitCode === 1) return false
      throw error
    }
  }
}

function unreadable(oid: string, cause: unknown): ObjectCorruptError {
  return new ObjectCorruptError(oid, 'git cannot read it', { cause })
}

/** @throws ObjectCorruptError */
function checked(oid: string, { type, size, framed }: CatFileAnswer): GitObject {
  const actual = createHash('sha1').update(framed).digest('hex')
  if (actual !== oid) throw new ObjectCorruptError(oid, `its bytes have the SHA-1 ${actual}`)
  return { oid, type, content: framed.subarray(framed.length - size) }
}

/** As they are in what a replica fetches; a clone of full batches has a few. */
const MANY_DELTAS = 64
const SIZES_AT_ONCE = 1_000
/** As a rule one commit follows on the other. */
const FEW_STEPS = 16
