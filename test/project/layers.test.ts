import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkSource } from '../../scripts/check-source.ts'
import { importsOf } from '../../scripts/source-tree.ts'

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

describe('the rules for src', () => {
  let copy: string

  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'memoir-layers-'))
    cpSync(join(PROJECT, 'src'), join(copy, 'src'), { recursive: true })
  })
  afterEach(() => rmSync(copy, { recursive: true, force: true }))

  /** Puts lines before the first line of a copied file, or makes the file. */
  function add(path: string, ...lines: readonly string[]): void {
    const file = join(copy, 'src', path)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    writeFileSync(file, [...lines, text].join('\n'))
  }

  it('hold for the project', () => {
    expect(checkSource(PROJECT)).toEqual([])
  })

  it.each([
    { what: 'an import', line: "import { Image } from '../image/image.ts'" },
    { what: 'an import over several lines', line: "import {\n  Image,\n} from '../image/image.ts'" },
    { what: 'an import of a type', line: "import type { Image } from '../image/image.ts'" },
    { what: 'a side effect', line: "import '../image/image.ts'" },
    { what: 're-exporting', line: "export * from '../image/image.ts'" },
    { what: 'a dynamic import', line: "const image = await import('../image/image.ts')" },
  ])('find $what of the image in the journal', ({ line }) => {
    add('journal/frame.ts', line)
    expect(checkSource(copy)).toContainEqual(
      'src/journal/frame.ts:1 imports src/image/image.ts, but "journal" may not import "image"',
    )
  })

  it('find an import between journal and repository, which stand side by side', () => {
    add('journal/frame.ts', "import { readHead } from '../repository/refs.ts'")
    add('repository/refs.ts', "import { encodeFrame } from '../journal/frame.ts'")
    expect(checkSource(copy)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('"journal" may not import "repository"'),
        expect.stringContaining('"repository" may not import "journal"'),
      ]),
    )
  })

  it('find an import of a face in the composition root', () => {
    add('memoir.ts', "import { main } from './cli/main.ts'")
    expect(checkSource(copy)).toContainEqual(expect.stringContaining('"root" may not import "cli"'))
  })

  it('find a folder that is no layer', () => {
    add('journal/frame.ts', "import { anything } from '../helpers/anything.ts'")
    expect(checkSource(copy)).toContainEqual(expect.stringContaining('"helpers" is no layer'))
  })

  it('find two files that import each other', () => {
    add('event/one.ts', "import { two } from './two.ts'", 'export const one = two')
    add('event/two.ts', "import type { one } from './one.ts'", 'export const two: typeof one = 1')
    expect(checkSource(copy)).toContainEqual(
      'src/event/two.ts:1 closes a cycle: event/one.ts → event/two.ts → event/one.ts',
    )
  })

  it('find a cycle that a dynamic import closes over a third file', () => {
    add('event/one.ts', "import { two } from './two.ts'")
    add('event/two.ts', "export { three as two } from './three.ts'")
    add('event/three.ts', "export const three = () => import('./one.ts')")
    expect(checkSource(copy)).toContainEqual(
      expect.stringContaining('event/one.ts → event/two.ts → event/three.ts → event/one.ts'),
    )
  })

  it('find a process that is started beside the runner', () => {
    add('log/appender.ts', "import { spawn } from 'node:child_process'")
    expect(checkSource(copy)).toContainEqual(
      expect.stringContaining('log/appender.ts:1 imports node:child_process'),
    )
  })

  it('find a file that is written beside the port', () => {
    add('journal/frame.ts', "import { writeFile } from 'node:fs/promises'")
    expect(checkSource(copy)).toContainEqual(
      expect.stringContaining('journal/frame.ts:1 imports node:fs/promises'),
    )
  })

  it('find a file on a list that no longer needs to be there', () => {
    writeFileSync(join(copy, 'src/journal/segment.ts'), '')
    expect(checkSource(copy)).toContainEqual(
      expect.stringContaining('src/journal/segment.ts does not import node:fs'),
    )
  })
})

describe('the imports of a file', () => {
  const targets = (text: string) => importsOf('log/file.ts', text).map((from) => from.target)

  it('are not looked for in comments', () => {
    expect(targets("/**\n * import { open } from 'memoir'\n */\n// await import('yaml')\n")).toEqual([])
  })

  it('are not confused with exports and calls of the file itself', () => {
    expect(targets("export const text = 'from'\nexport function read() {\n  return fill('x')\n}\n")).toEqual(
      [],
    )
  })

  it('tell types from values', () => {
    const text = "import type { A } from 'a'\nimport { type B } from 'b'\nlet c: typeof import('c')\n"
    expect(importsOf('file.ts', text).map(({ target, isType }) => [target, isType])).toEqual([
      ['a', true],
      ['b', false],
      ['c', true],
    ])
  })

  it('are named by their place below src and their line', () => {
    expect(importsOf('log/file.ts', "\n\nexport {\n  a,\n} from '../event/event.ts'")).toEqual([
      { target: 'event/event.ts', isRelative: true, isType: false, line: 3 },
    ])
  })
})
