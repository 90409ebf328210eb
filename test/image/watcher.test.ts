import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { Watcher } from '../../src/image/watcher.ts'
import { git, gitText } from '../repository/real-git.ts'
import { balances, deposit, ImagedLog, TemporaryFolder } from './image-fixture.ts'

/** Makes commits for a log in a clone and pushes them into it with real git. */
class Elsewhere {
  private constructor(
    private readonly path: string,
    private readonly clone: string,
  ) {}

  static of(folder: TemporaryFolder, path: string): Elsewhere {
    const clone = folder.join('clone.git')
    git(folder.path, ['clone', '--quiet', '--bare', path, clone])
    return new Elsewhere(path, clone)
  }

  async append(amount: number): Promise<void> {
    await using log = await ImagedLog.open(this.clone)
    await log.append('a', deposit(amount))
  }

  /** Takes the last commit away, and what the journal knows of it. */
  rewind(): void {
    rmSync(join(this.clone, 'memoir'), { recursive: true })
    git(this.clone, ['update-ref', 'refs/heads/main', 'main~1'])
  }

  push(): void {
    git(this.clone, ['push', '--quiet', '--force', this.path, 'main'])
  }
}

async function watched(folder: TemporaryFolder, options: { fileEvents: boolean; pollMs: number }) {
  const path = folder.join('bank.git')
  {
    await using bank = await ImagedLog.open(path, { projections: [balances] })
    await bank.append('a', deposit(1))
  }
  const bank = await ImagedLog.open(path, { projections: [balances], readOnly: true })
  const errors: Error[] = []
  const watcher = new Watcher({
    repository: bank.opened.repository,
    look: () => bank.log.follower.look(),
    onError: (error) => errors.push(error),
    ...options,
  })
  await watcher.start()
  return {
    bank,
    errors,
    elsewhere: Elsewhere.of(folder, path),
    sees: (sum: number) =>
      vi.waitFor(() => expect(bank.image.state(balances)).toEqual(new Map([['a', sum]])), {
        timeout: 10_000,
        interval: 1,
      }),
    async [Symbol.asyncDispose]() {
      await watcher.close()
      await bank.close()
    },
  }
}

const NEVER = 1 << 30

describe.each([
  ['file events', { fileEvents: true, pollMs: NEVER }],
  ['the poll alone', { fileEvents: false, pollMs: 20 }],
])('with %s', (_, options) => {
  test('commits that git pushes into the repository come into the image', async () => {
    using folder = new TemporaryFolder()
    await using log = await watched(folder, options)
    for (let sum = 3; sum <= 9; sum += 2) {
      await log.elsewhere.append(2)
      log.elsewhere.push()
      await log.sees(sum)
    }
    expect(log.errors).toEqual([])
  })

  test('a rewritten branch is noticed', async () => {
    using folder = new TemporaryFolder()
    await using log = await watched(folder, options)
    await log.elsewhere.append(2)
    log.elsewhere.push()
    await log.sees(3)
    log.elsewhere.rewind()
    await log.elsewhere.append(8)
    log.elsewhere.push()
    await log.sees(9)
    expect(log.bank.notices).toContainEqual(expect.objectContaining({ kind: 'rewritten' }))
  })

  test('a branch whose refs were packed is still followed', async () => {
    using folder = new TemporaryFolder()
    await using log = await watched(folder, options)
    git(log.bank.opened.repository.gitDirectory, ['pack-refs', '--all'])
    await log.elsewhere.append(2)
    log.elsewhere.push()
    await log.sees(3)
    expect(log.bank.notices.filter(({ kind }) => kind !== 'adopted')).toEqual([])
  })
})

describe('a watcher', () => {
  test('sees a branch whose folder does not exist yet', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet', '--bare', 'log.git'])
    const gitDirectory = folder.join('log.git')
    const branch = 'refs/heads/deep/in/folders'
    let seen = ''
    const watcher = new Watcher({
      repository: { gitDirectory, branch },
      pollMs: NEVER,
      look: async () => {
        seen = gitText(gitDirectory, 'for-each-ref', '--format=%(refname)', branch)
      },
      onError: (error) => {
        throw error
      },
    })
    await watcher.start()
    const tree = gitText(gitDirectory, 'mktree')
    const commit = gitText(gitDirectory, 'commit-tree', '-m', 'First', tree)
    mkdirSync(folder.join('log.git', 'refs', 'heads', 'deep', 'in'), { recursive: true })
    git(gitDirectory, ['update-ref', branch, commit])
    await vi.waitFor(() => expect(seen).toBe(branch), { timeout: 5000 })
    await watcher.close()
  })

  test('makes one look of all hints that come during a look', async () => {
    let looks = 0
    let finish: () => void = () => undefined
    const watcher = new Watcher({
      repository: { gitDirectory: '/nowhere', branch: 'refs/heads/main' },
      pollMs: NEVER,
      fileEvents: false,
      look: () => {
        looks++
        return new Promise((resolve) => {
          finish = resolve
        })
      },
      onError: () => undefined,
    })
    watcher.hint()
    for (let hint = 0; hint < 100; hint++) watcher.hint()
    expect(looks).toBe(1)
    finish()
    await vi.waitFor(() => expect(looks).toBe(2))
    finish()
    await watcher.close()
    watcher.hint()
    expect(looks).toBe(2)
  })

  test('tells of an error once, and goes on looking', async () => {
    const errors: Error[] = []
    let looks = 0
    const watcher = new Watcher({
      repository: { gitDirectory: '/nowhere', branch: 'refs/heads/main' },
      pollMs: 1,
      fileEvents: false,
      look: async () => {
        looks++
        throw new Error('no such disk')
      },
      onError: (error) => errors.push(error),
    })
    await watcher.start()
    await vi.waitFor(() => expect(looks).toBeGreaterThan(3))
    await watcher.close()
    expect(errors.map(({ message }) => message)).toEqual(['no such disk'])
  })
})

test('closed while file events begin, it brings no error of theirs upon the process', async () => {
  using folder = new TemporaryFolder()
  // Whatever looks at it fails.
  const gitDirectory = folder.join('loop')
  symlinkSync('loop', gitDirectory)
  const closed = Array.from({ length: 200 }, async (_, at) => {
    const watcher = new Watcher({
      repository: { gitDirectory, branch: 'refs/heads/main' },
      pollMs: 60_000,
      look: async () => {},
      onError: () => {},
    })
    void watcher.start()
    await wait(95 + at / 4)
    await watcher.close()
  })
  await Promise.all(closed)
})
