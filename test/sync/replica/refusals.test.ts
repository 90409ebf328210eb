import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { batch, commitByHand, readFileAt, storedLine } from '../../log/log-fixture.ts'
import { git, gitText, writeObject } from '../../repository/real-git.ts'
import { BY_HAND, balances, Scene } from './replica-fixture.ts'

const ACCOUNT = 'account'
const SUM = new Map([[ACCOUNT, 6]])

/** What somebody does to the remote, and the code that the replica answers with. */
interface Attack {
  readonly what: string
  readonly code: string
  readonly attack: (scene: Scene) => void
}

const line = (version: number, more: object = {}) => storedLine({ stream: ACCOUNT, version, ...more })
const byHand = (scene: Scene, files: Readonly<Record<string, string | undefined>>) =>
  commitByHand(scene.remote, { files })

function commitLargeBatch(scene: Scene): void {
  const blob = writeObject(scene.remote, Buffer.alloc(40 << 20))
  commitEntry(scene, '100644', 'blob', blob, '000000000004.jsonl')
}

/** Puts an entry of any kind into the folder of batches. */
function commitEntry({ remote }: Scene, mode: string, type: string, oid: string, name: string): void {
  const entry = `${mode} ${type} ${oid}\t${name}\n`
  const files = git(remote, ['ls-tree', 'main:events/000000']).toString()
  const directory = makeTree(remote, files + entry)
  const events = makeTree(remote, `040000 tree ${directory}\t000000\n`)
  commitRoot(remote, events)
}

function makeTree(remote: string, entries: string): string {
  return git(remote, ['mktree', '--missing'], { input: entries }).toString().trim()
}

function commitRoot(remote: string, events: string): void {
  const root = gitText(remote, 'ls-tree', 'main')
    .split('\n')
    .map((entry) => (entry.endsWith('\tevents') ? `040000 tree ${events}\tevents` : entry))
    .join('\n')
  const commit = gitText(remote, 'commit-tree', '-p', 'main', '-m', 'By hand', makeTree(remote, `${root}\n`))
  git(remote, ['update-ref', 'refs/heads/main', commit])
}

/** Puts what is no commit on the branch, which git refuses to do. */
const point = (remote: string, oid: string) => writeFileSync(join(remote, 'refs/heads/main'), `${oid}\n`)

const ATTACKS: readonly Attack[] = [
  {
    what: 'whose branch is at a file',
    code: 'object-corrupt',
    attack: ({ remote }) => point(remote, writeObject(remote, 'no commit')),
  },
  {
    what: 'whose branch is at a tag of its last commit',
    code: 'object-corrupt',
    attack: ({ remote }) => {
      git(remote, ['-c', 'user.name=a', '-c', 'user.email=a', 'tag', '-a', '-m', 'Tag', 'tag', 'main'])
      point(remote, gitText(remote, 'rev-parse', 'tag'))
    },
  },
  {
    what: 'that was rewound',
    code: 'remote-rewound',
    attack: ({ remote }) => git(remote, ['update-ref', 'refs/heads/main', 'main~1']),
  },
  {
    what: 'whose last commit was replaced',
    code: 'remote-rewritten',
    attack: (scene) => {
      git(scene.remote, ['update-ref', 'refs/heads/main', 'main~1'])
      byHand(scene, { [batch(3)]: line(3) })
    },
  },
  {
    what: 'whose branch is gone',
    code: 'remote-emptied',
    attack: ({ remote }) => git(remote, ['update-ref', '-d', 'refs/heads/main']),
  },
  {
    what: 'that holds a batch which is no JSON',
    code: 'invalid-batch',
    attack: (scene) => byHand(scene, { [batch(4)]: 'nonsense\n' }),
  },
  {
    what: 'that holds an event which no append would take',
    code: 'invalid-batch',
    attack: (scene) =>
      byHand(scene, { [batch(4)]: line(4, { data: { a: 1 } }).replace('"a":1', '"a":1,"a":2') }),
  },
  {
    what: 'that holds an event whose actor is no string',
    code: 'invalid-batch',
    attack: (scene) => byHand(scene, { [batch(4)]: line(4).replace('}\n', ',"metadata":{"actor":7}}\n') }),
  },
  {
    what: 'that leaves out a position',
    code: 'invalid-batch',
    attack: (scene) => byHand(scene, { [batch(5)]: line(4) }),
  },
  {
    what: 'that leaves out a version',
    code: 'invalid-batch',
    attack: (scene) => byHand(scene, { [batch(4)]: line(5) }),
  },
  {
    what: 'that repeats an id',
    code: 'invalid-batch',
    attack: (scene) => {
      const { id } = JSON.parse(readFileAt(scene.remote, batch(1)))
      byHand(scene, { [batch(4)]: line(4, { id }) })
    },
  },
  {
    what: 'whose later commit changes an event',
    code: 'history-changed',
    attack: (scene) => byHand(scene, { [batch(3)]: line(3) }),
  },
  {
    what: 'that holds an executable batch',
    code: 'unexpected-entry',
    attack: ({ remote }) =>
      commitByHand(remote, { files: { [batch(4)]: line(4) }, modes: { [batch(4)]: '100755' } }),
  },
  {
    what: 'that holds a symbolic link',
    code: 'unexpected-entry',
    attack: ({ remote }) =>
      commitByHand(remote, { files: { [batch(4)]: '/etc/passwd' }, modes: { [batch(4)]: '120000' } }),
  },
  {
    what: 'that holds a submodule',
    code: 'unexpected-entry',
    attack: (scene) => commitEntry(scene, '160000', 'commit', scene.head(), '000000000004.jsonl'),
  },
  {
    what: 'that holds a file of another name',
    code: 'unexpected-entry',
    attack: (scene) => byHand(scene, { 'events/000000/evil.sh': 'echo' }),
  },
  {
    what: 'that holds a batch over the limit',
    code: 'object-too-large',
    attack: commitLargeBatch,
  },
  {
    what: 'that holds a tree of ten thousand million paths',
    code: 'unexpected-entry',
    attack: ({ remote }) => {
      let entries = `100644 blob ${writeObject(remote, '')}\tx\n`
      for (let level = 0; level < 10; level++) {
        const tree = makeTree(remote, entries)
        entries = Array.from({ length: 10 }, (_, at) => `040000 tree ${tree}\t${at}\n`).join('')
      }
      commitRoot(remote, makeTree(remote, entries))
    },
  },
  {
    what: 'that has a merge',
    code: 'merge-commit',
    attack: (scene) => {
      const side = gitText(scene.remote, 'commit-tree', '-p', 'main', '-m', 'Side', 'main^{tree}')
      commitByHand(scene.remote, { files: { [batch(4)]: line(4) }, parents: ['main', side] })
    },
  },
  {
    what: 'that had a merge two commits ago',
    code: 'merge-commit',
    attack: (scene) => {
      const side = gitText(scene.remote, 'commit-tree', '-p', 'main', '-m', 'Side', 'main^{tree}')
      commitByHand(scene.remote, { files: { [batch(4)]: line(4) }, parents: ['main', side] })
      byHand(scene, { [batch(5)]: line(5) })
      byHand(scene, { [batch(6)]: line(6) })
    },
  },
  {
    what: 'that held an executable batch for one commit',
    code: 'unexpected-entry',
    attack: (scene) => {
      commitByHand(scene.remote, { files: { [batch(4)]: line(4) }, modes: { [batch(4)]: '100755' } })
      byHand(scene, { [batch(4)]: line(4) })
    },
  },
  {
    what: 'that held other events for one commit',
    code: 'history-changed',
    attack: (scene) => {
      const before = readFileAt(scene.remote, batch(3))
      byHand(scene, { [batch(3)]: line(3) })
      byHand(scene, { [batch(3)]: before, [batch(4)]: line(4) })
    },
  },
  {
    what: 'that left out a position for one commit',
    code: 'invalid-batch',
    attack: (scene) => {
      byHand(scene, { [batch(5)]: line(5) })
      byHand(scene, { [batch(4)]: line(4) })
    },
  },
  {
    what: 'that took events back for one commit',
    code: 'history-changed',
    attack: (scene) => {
      const before = readFileAt(scene.remote, batch(3))
      byHand(scene, { [batch(3)]: undefined })
      byHand(scene, { [batch(3)]: before })
    },
  },
  {
    what: 'that held a batch over the limit until it was folded into others',
    code: 'object-too-large',
    attack: (scene) => {
      commitLargeBatch(scene)
      byHand(scene, { [batch(4)]: line(4) })
    },
  },
  {
    what: 'that was another log for one commit',
    code: 'other-log',
    attack: (scene) => {
      const manifest = readFileAt(scene.remote, 'memoir.yaml')
      byHand(scene, { 'memoir.yaml': manifest.replace(/^id: ./m, 'id: f') })
      byHand(scene, { 'memoir.yaml': manifest })
    },
  },
  {
    what: 'whose log has another id',
    code: 'other-log',
    attack: (scene) =>
      byHand(scene, {
        'memoir.yaml': readFileAt(scene.remote, 'memoir.yaml').replace(
          /^id: .*$/m,
          `id: ${'0'.repeat(8)}-0000-7000-8000-000000000000`,
        ),
      }),
  },
]

describe('a replica refuses a remote', () => {
  test.each(ATTACKS)(
    '$what, keeps its good state, and goes on when it is put right',
    async ({ code, attack }) => {
      const scene = new Scene()
      await scene.deposit(1, 2, 3)
      const replica = await scene.follow(BY_HAND)
      const good = scene.head()
      attack(scene)

      await expect(replica.pull()).rejects.toMatchObject({ code })
      // Looking again finds the same, and tells nothing new.
      await expect(replica.pull()).rejects.toMatchObject({ code })
      expect(replica.status()).toMatchObject({ problem: { code }, replica: { phase: 'refusing' } })
      expect(scene.notices.filter(({ kind }) => kind === 'remote-refused')).toHaveLength(1)
      expect(replica.state(balances)).toEqual(SUM)
      expect(scene.head(scene.path)).toBe(good)

      git(scene.remote, ['update-ref', 'refs/heads/main', good])
      await scene.deposit(4)
      await replica.pull()
      expect(replica.state(balances)).toEqual(new Map([[ACCOUNT, 10]]))
      expect(replica.status()).toMatchObject({ problem: undefined, replica: { phase: 'idle' } })
    },
  )

  test('when somebody committed to the replica', async () => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    await (await scene.follow(BY_HAND)).close()
    commitByHand(scene.path, { files: { [batch(4)]: line(4) } })
    await scene.deposit(4)
    const replica = await scene.follow(BY_HAND)
    await expect(replica.pull()).rejects.toMatchObject({ code: 'history-forked' })
  })

  test('that is another log now', async () => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    const replica = await scene.follow(BY_HAND)
    const other = new Scene()
    await other.deposit(5)
    git(scene.remote, ['fetch', '--quiet', other.remote, '+main:main'])
    await expect(replica.pull()).rejects.toMatchObject({ code: 'other-log' })
    expect(replica.state(balances)).toEqual(SUM)
  })
})

describe('a replica is not made from a remote', () => {
  const attacks = ATTACKS.filter(({ code }) => !/^(remote-|history-forked)/.test(code))

  test.each(attacks)('$what', async ({ code, attack }) => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    attack(scene)
    await expect(scene.follow(BY_HAND)).rejects.toMatchObject({ code })
  })
})

describe('a pull refuses a remote', () => {
  test.each(ATTACKS)('$what', async ({ code, attack }) => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    const path = join(scene.folder, 'clone.git')
    const { clone } = await import('../../../src/memoir.ts')
    await using log = await clone(scene.remote, path, { projections: [balances] })
    await log.pull()
    attack(scene)
    await expect(log.pull()).rejects.toMatchObject({
      code: code === 'object-too-large' ? 'invalid-batch' : code,
    })
    expect(log.state(balances)).toEqual(SUM)
  })
})
