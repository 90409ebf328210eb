import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openForRewrite } from '../../../src/follow.ts'
import type { Replica } from '../../../src/replica.ts'
import { replaceHistory } from '../../../src/sync/replica/rewrite.ts'
import { systemClock } from '../../../src/system/clock.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { batch, closeLog, commitByHand, openLog } from '../../log/log-fixture.ts'
import { fsck, git, gitText } from '../../repository/real-git.ts'
import { BY_HAND, balances, balancesFrom, replacedReplica, Scene } from './replica-fixture.ts'

interface Rewritten {
  readonly scene: Scene
  readonly replica: Replica
  readonly old: string
}

/** A replica of the amounts 1, 2, 3 whose remote went back to 1, 2 and then on to 10. */
async function rewritten(projections = [balances]): Promise<Rewritten> {
  const scene = new Scene()
  await scene.deposit(1, 2, 3)
  const old = scene.head()
  const replica = await scene.follow({ ...BY_HAND, projections })
  git(scene.remote, ['update-ref', 'refs/heads/main', 'main~1'])
  rmSync(`${scene.remote}/memoir`, { recursive: true })
  await scene.deposit(10)
  await expect(replica.pull()).rejects.toMatchObject({ code: 'remote-rewritten' })
  return { scene, replica, old }
}

describe('a rewritten history', () => {
  test('is described without being taken', async () => {
    const { scene, replica, old } = await rewritten()
    const described = { from: old, to: scene.head(), commonPosition: 2, lost: 1, gained: 1 }
    expect(await replica.describeRewrite()).toEqual(described)
    expect(replica.state(balances)).toEqual(new Map([['account', 6]]))
    expect(scene.head(scene.path)).toBe(old)
  })

  test('that is not taken leaves the replica at what it was about', async () => {
    const { replica } = await rewritten()
    await expect(replica.acceptRewrite('0000000')).rejects.toMatchObject({ code: 'usage' })
    expect(replica.status().replica.phase).toBe('refusing')
  })

  test('is not taken once its signal is aborted, while it is looked at, and the next call takes it', async () => {
    const { scene, replica, old } = await rewritten()
    const reason = new Error('no more')
    const signal = AbortSignal.abort(reason)
    await expect(replica.describeRewrite({ signal })).rejects.toBe(reason)
    await expect(replica.acceptRewrite(scene.head(), { signal })).rejects.toBe(reason)
    const opened = await openLog(scene.path, { readOnly: true })
    try {
      const ports = { fileSystem: nodeFileSystem, clock: systemClock }
      await expect(replaceHistory(opened, scene.head(), ports, signal)).rejects.toBe(reason)
    } finally {
      await closeLog(opened)
    }
    expect(scene.head(scene.path)).toBe(old)
    expect(gitText(scene.path, 'for-each-ref', 'refs/memoir/replaced')).toBe('')
    await replica.acceptRewrite(scene.head())
    expect(scene.head(scene.path)).toBe(scene.head())
  })

  test('is taken when its commit is named, and the old one is kept', async () => {
    const { scene, replica, old } = await rewritten()
    const { replaced } = await replica.acceptRewrite(scene.head())
    expect(replaced).toMatch(/^refs\/memoir\/replaced\/\d{8}T\d{6}Z-[0-9a-f]{12}$/)
    expect(gitText(scene.path, 'rev-parse', replaced)).toBe(old)
    expect(scene.head(scene.path)).toBe(scene.head())
    expect(replica.state(balances)).toEqual(new Map([['account', 13]]))
    expect(replica.status()).toMatchObject({ problem: undefined, replica: { phase: 'idle' } })
    expect(fsck(scene.path)).toBe('')
    await scene.deposit(5)
    await replica.pull()
    expect(replica.state(balances)).toEqual(new Map([['account', 18]]))
    await replica.close()
    expect((await scene.follow()).state(balances)).toEqual(new Map([['account', 18]]))
  })

  test('is taken twice as well as once', async () => {
    const { scene, replica, old } = await rewritten()
    const [{ replaced }] = [
      await replica.acceptRewrite(scene.head()),
      await replica.acceptRewrite(scene.head()),
    ]
    await replica.acceptRewrite(scene.head())
    expect(gitText(scene.path, 'rev-parse', replaced)).toBe(old)
    expect(scene.head(scene.path)).toBe(scene.head())
  })

  test('is taken when the beginning of its commit is named', async () => {
    const { scene, replica } = await rewritten()
    await replica.acceptRewrite(scene.head().slice(0, 7))
    expect(scene.head(scene.path)).toBe(scene.head())
  })

  test.each([
    { what: 'another commit', name: (old: string) => old },
    { what: 'too short a name', name: (_: string, head: string) => head.slice(0, 6) },
    { what: 'nothing', name: () => '' },
  ])('is not taken when $what is named', async ({ name }) => {
    const { scene, replica, old } = await rewritten()
    await expect(replica.acceptRewrite(name(old, scene.head()))).rejects.toMatchObject({ code: 'usage' })
    expect(scene.head(scene.path)).toBe(old)
  })

  test.each([
    {
      when: 'it is taken once more',
      again: async ({ replica, scene }: Rewritten) => void (await replica.acceptRewrite(scene.head())),
      balance: 13,
    },
    {
      when: 'the remote goes on',
      again: async ({ replica, scene }: Rewritten) => {
        await scene.deposit(5)
        await replica.pull()
      },
      balance: 18,
    },
    {
      when: 'the remote is looked at',
      again: async ({ replica }: Rewritten) => void (await replica.pull()),
      balance: 13,
    },
  ])('that was taken and could not be shown is shown when $when', async ({ again, balance }) => {
    let isFailing = false
    const failing = balancesFrom(() => {
      if (isFailing) throw new Error('it has no memory left')
      return new Map()
    })
    const given = await rewritten([failing])
    const { scene, replica } = given
    isFailing = true
    await expect(replica.acceptRewrite(scene.head())).rejects.toMatchObject({ code: 'invalid-projection' })
    await expect(replica.pull()).rejects.toMatchObject({ code: 'invalid-projection' })
    isFailing = false
    await again(given)
    expect(replica.state(failing)).toEqual(new Map([['account', balance]]))
    expect(replica.status()).toMatchObject({ problem: undefined, replica: { phase: 'idle' } })
  })

  test('is checked like any other', async () => {
    const { scene, replica, old } = await rewritten()
    commitByHand(scene.remote, { files: { [batch(4)]: 'nonsense\n' } })
    await expect(replica.acceptRewrite(scene.head())).rejects.toMatchObject({ code: 'invalid-batch' })
    expect(gitText(scene.path, 'for-each-ref', 'refs/memoir/replaced')).toBe('')
    expect(scene.head(scene.path)).toBe(old)
    expect(replica.state(balances)).toEqual(new Map([['account', 6]]))
  })

  test('of another log is refused', async () => {
    const { scene, replica } = await rewritten()
    const other = new Scene()
    await other.deposit(1)
    git(scene.remote, ['fetch', '--quiet', other.remote, '+main:main'])
    await expect(replica.acceptRewrite(scene.head())).rejects.toMatchObject({ code: 'other-log' })
  })

  test('that only goes back is taken too', async () => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    const replica = await scene.follow(BY_HAND)
    git(scene.remote, ['update-ref', 'refs/heads/main', 'main~2'])
    await expect(replica.pull()).rejects.toMatchObject({ code: 'remote-rewound' })
    expect(await replica.acceptRewrite(scene.head())).toMatchObject({ commonPosition: 1, lost: 2, gained: 0 })
    expect(replica.state(balances)).toEqual(new Map([['account', 1]]))
  })
})

test('a replica that was replaced is taken as it is, and brought to its remote', async () => {
  const scene = await replacedReplica()
  await expect(scene.follow()).rejects.toMatchObject({ code: 'replica-replaced' })
  const { stateDirectory } = scene
  {
    await using opened = await openForRewrite(scene.remote, scene.path, { stateDirectory })
    expect(await opened.acceptRewrite(scene.head())).toMatchObject({ lost: 0, gained: 1 })
  }
  expect((await scene.follow()).state(balances)).toEqual(new Map([['account', 3]]))
})

test('a replica that was set back together with its remote is taken as it is', async () => {
  const scene = await replacedReplica()
  git(scene.remote, ['update-ref', 'refs/heads/main', scene.head(scene.path)])
  await expect(scene.follow()).rejects.toMatchObject({ code: 'replica-replaced' })
  const { stateDirectory } = scene
  {
    await using opened = await openForRewrite(scene.remote, scene.path, { stateDirectory })
    expect(await opened.acceptRewrite(scene.head())).toMatchObject({ lost: 0, gained: 0 })
  }
  expect((await scene.follow()).state(balances)).toEqual(new Map([['account', 1]]))
})
