import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EncodedObject, encodeCommit, encodeObject, encodeTree } from '../../src/repository/object.ts'
import { encodePack } from '../../src/repository/pack.ts'
import { bareRepository, fsck, git, gitText } from './real-git.ts'

function packOf(objects: readonly EncodedObject[]) {
  return encodePack(
    objects.map((object) => ({ object, deflated: deflateSync(object.content, { level: 1 }) })),
  )
}

/** Sizes around which the header of an entry takes a byte more, and others. */
const SIZES = [0, 1, 15, 16, 2047, 2048, 262_143, 262_144, 1_500_000]

test('git index-pack makes the same index, byte for byte', () => {
  const gitDirectory = bareRepository()
  const path = join(gitDirectory, 'objects/pack/by-git')
  const contents = fc.uniqueArray(fc.uint8Array({ maxLength: 3000 }), {
    maxLength: 30,
    comparator: 'SameValue',
  })
  fc.assert(
    fc.property(contents, (some) => {
      const blobs = new Map(
        some.map((content) => encodeObject('blob', content)).map((blob) => [blob.oid, blob]),
      )
      const { name, pack, index } = packOf([...blobs.values()])
      writeFileSync(`${path}.pack`, pack)
      const printed = gitText(
        gitDirectory,
        'index-pack',
        '-o',
        `${path}.idx`,
        '--no-rev-index',
        `${path}.pack`,
      )
      expect(`pack-${printed}`).toBe(name)
      expect(readFileSync(`${path}.idx`).equals(index)).toBe(true)
    }),
    { numRuns: 30 },
  )
})

test('git reads objects of all kinds and sizes from it', () => {
  const gitDirectory = bareRepository()
  const blobs = SIZES.map((size) => encodeObject('blob', Buffer.alloc(size, 'text ')))
  const tree = encodeTree(blobs.map(({ oid }, at) => ({ mode: '100644', name: `${at}`, oid })))
  const author = { name: 'Ada', email: 'ada@example.org' }
  const commit = encodeCommit({ tree: tree.oid, parents: [], author, timeMs: 1e12, message: 'one\n' })
  const objects = [...blobs, tree, commit]
  const { name, pack, index } = packOf(objects)
  const path = join(gitDirectory, 'objects/pack', name)
  writeFileSync(`${path}.pack`, pack)
  writeFileSync(`${path}.idx`, index)
  git(gitDirectory, ['update-ref', 'refs/heads/main', commit.oid])
  for (const { oid, type, content } of objects) {
    expect(git(gitDirectory, ['cat-file', type, oid]).equals(content)).toBe(true)
  }
  expect(gitText(gitDirectory, 'verify-pack', '-v', `${path}.idx`)).toContain(`${path}.pack: ok`)
  expect(fsck(gitDirectory)).toBe('')
})
