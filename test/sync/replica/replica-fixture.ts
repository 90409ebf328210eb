import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { follow } from '../../../src/follow.ts'
import type { FollowOptions } from '../../../src/follow-options.ts'
import { projection } from '../../../src/image/projection.ts'
import type { Notice } from '../../../src/log/log-state.ts'
import { open } from '../../../src/memoir.ts'
import type { Log } from '../../../src/opened-log.ts'
import type { Replica } from '../../../src/replica.ts'
import { temporaryFolder } from '../../log/log-fixture.ts'
import { gitText } from '../../repository/real-git.ts'

/** The sum of the amounts of each stream. */
export const balances = balancesFrom(() => new Map())

/** The same, from a state that may not be had. */
export function balancesFrom(init: () => Map<string, number>) {
  return projection<Map<string, number>>({
    name: 'balances',
    version: 1,
    init,
    when: {
      MoneyDeposited(state, { stream, data }) {
        const { amount } = data as { amount: number }
        state.set(stream, (state.get(stream) ?? 0) + amount)
      },
    },
  })
}

/** Looks only when it is told to. */
export const BY_HAND: FollowOptions = {
  poll: { fastestMs: 3_600_000, slowestMs: 3_600_000 },
  fileEvents: false,
}

/** A folder with a remote and a replica of it. */
export class Scene {
  readonly folder = temporaryFolder()
  readonly remote = join(this.folder, 'remote.git')
  readonly path = join(this.folder, 'replica.git')
  readonly stateDirectory = join(this.folder, 'state')
  readonly notices: Notice[] = []

  /** Appends to the remote as a writer that opens it for this. Returns the last position. */
  async deposit(...amounts: readonly number[]): Promise<number> {
    await using log = await open(this.remote)
    return await depositTo(log, ...amounts)
  }

  /** Follows the remote; ends with the test. */
  async follow(options: FollowOptions = {}): Promise<Replica> {
    const replica = await follow(this.remote, this.path, {
      projections: [balances],
      stateDirectory: this.stateDirectory,
      onNotice: (notice) => this.notices.push(notice),
      ...options,
    })
    onTestFinished(() => replica.close())
    return replica
  }

  /** The commit that the branch of the remote, or of the replica, is at. */
  head(path = this.remote): string {
    return gitText(path, 'rev-parse', 'refs/heads/main')
  }
}

/** A closed replica of the amounts 1 and 2, in whose place somebody put its copy of when there was only 1. */
export async function replacedReplica(options: FollowOptions = {}): Promise<Scene> {
  const scene = new Scene()
  await scene.deposit(1)
  await (await scene.follow({ ...BY_HAND, ...options })).close()
  cpSync(scene.path, `${scene.path}.old`, { recursive: true })
  await scene.deposit(2)
  const replica = await scene.follow(BY_HAND)
  await replica.pull()
  await replica.close()
  rmSync(scene.path, { recursive: true })
  cpSync(`${scene.path}.old`, scene.path, { recursive: true })
  return scene
}

/** Appends one event after the other, each with a commit of its own. */
export async function depositTo(log: Log, ...amounts: readonly number[]): Promise<number> {
  let position = 0
  for (const amount of amounts) {
    const appended = await log.append('account', [{ type: 'MoneyDeposited', data: { amount } }], {
      ack: 'committed',
    })
    position = appended.position
  }
  return position
}

/** A signal for what has to happen soon. */
export function soon(ms = 10_000): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) }
}
