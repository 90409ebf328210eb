import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

it('every error is listed in docs/errors.md by code and class, and nothing else is', () => {
  const documented = [
    ...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^\| `([a-z-]+)` \| (\w+) \|/gm),
  ]
  const inSource = sources().flatMap((text) => [
    ...text.matchAll(/class (\w+) extends MemoirError \{[^}]*?readonly code = '([a-z-]+)'/g),
  ])
  const names = (list: RegExpMatchArray[], code: number, name: number) =>
    list.map((match) => `${match[code]} ${match[name]}`).sort()
  expect(names(inSource, 2, 1)).toEqual(names(documented, 1, 2))
  const codes = sources().flatMap((text) => [...text.matchAll(/readonly code = '([a-z-]+)'/g)])
  expect(inSource).toHaveLength(codes.length)
})

function sources(): string[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
}
