import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { looseFile } from '../../src/repository/loose-file.ts'
import { LooseObjects, looseObjectSize } from '../../src/repository/loose-objects.ts'
import { encodeObject } from '../../src/repository/object.ts'
import { bareRepository, fsck, git } from './real-git.ts'

test('inflates to the header and the content, whatever that is and however it was deflated', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('blob' as const, 'tree' as const, 'commit' as const),
      fc.uint8Array({ maxLength: 500 }),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 0, max: 9 }),
      (type, piece, times, level) => {
        const object = encodeObject(type, ...Array.from({ length: times }, () => piece))
        const file = looseFile({ object, deflated: deflateSync(object.content, { level }) })
        expect(inflateSync(file).equals(object.framed)).toBe(true)
      },
    ),
  )
})

test.each([0, 20_000, 3_000_000])('is read by git and by us: a blob of %i bytes', async (size) => {
  const gitDirectory = bareRepository()
  const object = encodeObject('blob', Buffer.alloc(size, 'some text '))
  const { oid, content } = object
  const path = join(gitDirectory, 'objects', oid.slice(0, 2), oid.slice(2))
  mkdirSync(dirname(path))
  writeFileSync(path, looseFile({ object, deflated: deflateSync(content, { level: 1 }) }))
  expect(git(gitDirectory, ['cat-file', 'blob', oid]).equals(content)).toBe(true)
  expect(fsck(gitDirectory)).toBe('')
  expect(await looseObjectSize(`${gitDirectory}/objects`, oid)).toBe(size)
  expect((await new LooseObjects(gitDirectory, 1 << 25).find(oid))?.content.equals(content)).toBe(true)
})
