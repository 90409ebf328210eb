import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ObjectCorruptError } from '../../src/repository/errors.ts'
import {
  encodeCommit,
  encodeObject,
  encodeTree,
  parseCommit,
  parseTree,
  type TreeEntry,
} from '../../src/repository/object.ts'
import { bareRepository, git } from './real-git.ts'

const OID = 'ce013625030ba8dba906f756967f9e9ca394464a'

const names = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .filter((name) => !/[/\0]|^\.{1,2}$|^\.git$/i.test(name))
const entries = fc.uniqueArray(
  fc.record<TreeEntry>({
    mode: fc.constantFrom('40000', '100644', '100755', '120000', '160000'),
    name: names,
    oid: fc.constant(OID),
  }),
  { selector: ({ name }) => name, maxLength: 30 },
)

describe('objects', () => {
  test('get the id that git gives them', () => {
    const repository = bareRepository()
    const ours = (content: Uint8Array) => encodeObject('blob', content).oid
    const theirs = (input: Uint8Array) =>
      git(repository, ['hash-object', '--stdin'], { input }).toString().trim()
    for (const content of [Buffer.from(''), Buffer.from('hello\n'), Buffer.alloc(100_000, 'é')]) {
      expect(ours(content)).toBe(theirs(content))
    }
  })
})

describe('trees', () => {
  test('are what git mktree makes of the same entries', () => {
    const repository = bareRepository()
    fc.assert(
      fc.property(entries, (list) => {
        const types: Readonly<Record<string, string>> = { '40000': 'tree', '160000': 'commit' }
        const lines = list.map(({ mode, name, oid }) => `${mode} ${types[mode] ?? 'blob'} ${oid}\t${name}\0`)
        const oid = git(repository, ['mktree', '-z', '--missing'], { input: lines.join('') })
          .toString()
          .trim()
        expect(encodeTree(list).oid).toBe(oid)
      }),
      { numRuns: 60 },
    )
  })

  test('are read as they were written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const tree = encodeTree(list)
        const read = parseTree(tree.content)
        expect(new Set(read)).toEqual(new Set(list))
        expect(encodeTree(read).oid).toBe(tree.oid)
      }),
    )
  })

  test('are sorted with directories as if their names ended in a slash', () => {
    const tree = encodeTree([
      { mode: '40000', name: 'a', oid: OID },
      { mode: '100644', name: 'a.b', oid: OID },
      { mode: '100644', name: 'a0', oid: OID },
    ])
    expect(parseTree(tree.content).map(({ name }) => name)).toEqual(['a.b', 'a', 'a0'])
  })

  test('are not made of what is no object id', () => {
    expect(() => encodeTree([{ mode: '100644', name: 'a', oid: 'main' }])).toThrow(RangeError)
  })

  const raw = (mode: string, name: string) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(OID, 'hex')])

  test.each(['', '.', '..', '.git', '.GIT', '.gIt', 'a/b', '../x'])(
    'with the name %j are refused',
    (name) => {
      expect(() => parseTree(raw('100644', name))).toThrow(ObjectCorruptError)
    },
  )

  test.each(['644', '0100644', '040000', '100648', ''])('with the mode %j are refused', (mode) => {
    expect(() => parseTree(raw(mode, 'a'))).toThrow('is not a mode')
  })

  test('with a name that is not UTF-8 are refused', () => {
    const bytes = Buffer.concat([Buffer.from('100644 '), Buffer.from([0xff, 0]), Buffer.from(OID, 'hex')])
    expect(() => parseTree(bytes)).toThrow('not UTF-8')
  })

  test('with a name twice, even as file and directory, are refused', () => {
    expect(() => parseTree(Buffer.concat([raw('100644', 'a'), raw('100644', 'a')]))).toThrow('twice')
    const apart = [raw('100644', 'a'), raw('100644', 'a.b'), raw('40000', 'a')]
    expect(() => parseTree(Buffer.concat(apart))).toThrow('twice')
  })

  test('out of order are refused', () => {
    expect(() => parseTree(Buffer.concat([raw('100644', 'b'), raw('100644', 'a')]))).toThrow('out of order')
  })

  test('cut off anywhere are refused', () => {
    const whole = Buffer.concat([raw('100644', 'a'), raw('100644', 'b')])
    for (let length = 1; length < whole.length; length++) {
      if (length === whole.length / 2) continue
      expect(() => parseTree(whole.subarray(0, length)), `${length} bytes`).toThrow(ObjectCorruptError)
    }
  })

  test('of random bytes are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          expect(encodeTree(parseTree(bytes)).content).toEqual(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(ObjectCorruptError)
        }
      }),
    )
  })
})

describe('commits', () => {
  const emptyTree = encodeTree([])

  function commitByGit(
    name: string,
    email: string,
    message: string,
    parents: readonly string[] = [],
  ): string {
    const repository = bareRepository()
    git(repository, ['hash-object', '-w', '-t', 'tree', '--stdin'])
    const environment = {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_AUTHOR_DATE: '1700000000 +0000',
      GIT_COMMITTER_DATE: '1700000000 +0000',
    }
    const options = parents.flatMap((parent) => ['-p', parent])
    return git(repository, ['commit-tree', emptyTree.oid, ...options], { input: message, environment })
      .toString()
      .trim()
  }

  test.each([
    ['Ada Lovelace', 'ada@example.org'],
    ['<Ada>\n Love<lace', ' <ada@example.org>\n'],
    ["  'Ada', ", ';ada@example.org:'],
    ['Zoë "Z" 李', 'zoë@example.org'],
    ['a\tb', ''],
  ])('by %j <%j> are what git commit-tree writes', (name, email) => {
    const author = { name, email }
    const commit = encodeCommit({
      tree: emptyTree.oid,
      parents: [],
      author,
      timeMs: 1_700_000_000_999,
      message: 'Hi\n',
    })
    expect(commit.oid).toBe(commitByGit(name, email, 'Hi\n'))
  })

  const texts = fc.string({ unit: 'grapheme', maxLength: 30 })
  const commits = fc.record({
    tree: fc.constant(emptyTree.oid),
    parents: fc.array(fc.constant(OID), { maxLength: 3 }),
    author: fc.record({ name: texts, email: texts }),
    timeMs: fc.integer({ min: -1000, max: 4e12 }),
    message: texts,
  })

  test('of any name and message are read as they were written', () => {
    fc.assert(
      fc.property(commits, (commit) => {
        const read = parseCommit(encodeCommit(commit).content)
        expect(read).toMatchObject({ tree: commit.tree, parents: commit.parents, message: commit.message })
        expect(read.author).toEqual(read.committer)
        expect(read.author.timeMs).toBe(Math.max(0, Math.floor(commit.timeMs / 1000) * 1000))
      }),
    )
  })

  test('of any name and message are accepted by git', () => {
    const repository = bareRepository()
    fc.assert(
      fc.property(commits, (commit) => {
        const { content, oid } = encodeCommit({ ...commit, parents: [] })
        const accepted = git(repository, ['hash-object', '-w', '-t', 'commit', '--stdin'], { input: content })
        expect(accepted.toString().trim()).toBe(oid)
      }),
      { numRuns: 40 },
    )
  })

  test('with a signature and other headers are read', () => {
    const content = Buffer.from(
      `tree ${OID}\nparent ${OID}\nauthor A <a@b> 1700000000 +0530\ncommitter B <> 1700000001 -0800\n` +
        'encoding UTF-8\ngpgsig -----BEGIN\n \n abc\n -----END\n\nSubject\n\nBody\n',
    )
    expect(parseCommit(content)).toEqual({
      tree: OID,
      parents: [OID],
      author: { name: 'A', email: 'a@b', timeMs: 1_700_000_000_000 },
      committer: { name: 'B', email: '', timeMs: 1_700_000_001_000 },
      message: 'Subject\n\nBody\n',
    })
  })

  test('with a parent 300,000 times are read', () => {
    const parents = `parent ${OID}\n`.repeat(300_000)
    const text = `tree ${OID}\n${parents}author A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nHi\n`
    expect(parseCommit(Buffer.from(text)).parents).toHaveLength(300_000)
  })

  test.each(['', `tree ${OID}\n`, `parent ${OID}\n`, `tree ${OID}\nauthor A\ncommitter A <a> 1 +0000\n\n`])(
    'that start with %j are refused',
    (text) => {
      expect(() => parseCommit(Buffer.from(text))).toThrow(ObjectCorruptError)
    },
  )
})
