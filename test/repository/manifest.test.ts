import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ManifestError, NewerFormatError } from '../../src/repository/errors.ts'
import { encodeManifest, type Manifest, parseManifest } from '../../src/repository/manifest.ts'

const MANIFEST: Manifest = {
  format: 1,
  id: '0193545e-5a8c-7c3a-8f6e-1b2c3d4e5f60',
  name: 'bank',
  codec: 'jsonl',
  created: '2026-11-23T05:21:48.123Z',
}

const manifests = fc.record<Manifest>({
  format: fc.constant(1),
  id: fc.uuid(),
  name: fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.constantFrom('yes', 'null', '1', 'a: b', '- x', '"', '\\', 'a\nb', '#', '~', 'No', '1e3', 'ü', '\x7f'),
  ),
  codec: fc.constantFrom('jsonl', 'yaml'),
  created: fc
    .date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
})

const edited = (from: string, to: string) => encodeManifest(MANIFEST).replace(from, to)

describe('a manifest', () => {
  test('is five plain lines', () => {
    expect(encodeManifest(MANIFEST)).toBe(
      'format: 1\nid: 0193545e-5a8c-7c3a-8f6e-1b2c3d4e5f60\nname: bank\ncodec: jsonl\ncreated: 2026-11-23T05:21:48.123Z\n',
    )
  })

  test('is YAML that says the same', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        expect(parse(encodeManifest(manifest))).toEqual(manifest)
      }),
    )
  })

  test('is read as it was written, and so is one that was edited', async () => {
    await fc.assert(
      fc.asyncProperty(manifests, async (manifest) => {
        const text = encodeManifest(manifest)
        expect(await parseManifest(text)).toEqual(manifest)
        expect(await parseManifest(`# edited\n${text}owner: somebody\n`)).toEqual(manifest)
      }),
    )
  })

  test('may be written in other YAML', async () => {
    const text = `{created: "${MANIFEST.created}", codec: 'jsonl', name: bank, id: ${MANIFEST.id}, format: 1}`
    expect(await parseManifest(text)).toEqual(MANIFEST)
  })

  test('with a name of 17 MiB is refused', async () => {
    const text = edited('name: bank', `name: "${'a'.repeat(17 << 20)}"`)
    await expect(parseManifest(text)).rejects.toThrow(ManifestError)
  })

  test('of a newer format is refused before anything else', async () => {
    const error = await parseManifest('format: 2\nlayout: {}\n').catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(NewerFormatError)
    expect(error).toMatchObject({ code: 'newer-format', found: 2, known: 1 })
  })

  test.each([
    ['format: 1', 'format: one', 1, 'format'],
    ['format: 1', 'format: 0', 1, 'format'],
    ['id: 0193545e', 'id: x', 2, 'id'],
    ['name: bank', 'name: 7', 3, 'name'],
    ['name: bank', 'name: ""', 3, 'name'],
    ['codec: jsonl', 'codec: csv', 4, 'codec'],
    ['codec: jsonl\n', '', 1, 'codec'],
    ['created: 2026-11', 'created: 2026-13', 5, 'created'],
    ['name: bank', 'name: bank\nname: bank', 4, 'DUPLICATE_KEY'],
    ['name: bank', 'name: "bank', 6, 'YAML'],
  ])('with %j as %j is refused at line %d', async (from, to, line, expected) => {
    const error = await parseManifest(edited(from, to)).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ManifestError)
    expect(error).toMatchObject({ line, expected: expect.stringContaining(expected) })
  })

  test.each(['', '[]', 'text', `# ${'x'.repeat(70_000)}`, '&a [*a, *a]'])(
    'that is none at all is refused: %#',
    async (text) => {
      await expect(parseManifest(text)).rejects.toBeInstanceOf(ManifestError)
    },
  )
})
