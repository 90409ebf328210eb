import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { follow } from '../../src/follow.ts'
import { open } from '../../src/memoir.ts'
import { bareRepository, temporaryDirectory } from '../repository/real-git.ts'

const root = join(import.meta.dirname, '../..')
const text = (name: string) => readFileSync(join(root, name), 'utf8')
const page = text('docs/operations.md')

/** The rows of the table below a heading, as their cells. */
function rowsOf(heading: string): string[][] {
  const section = page.slice(page.indexOf(`## ${heading}\n`)).split('\n## ')[0]!
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  return lines.slice(1).map((line) => line.split(' | '))
}

const namesIn = (cell: string) => [...cell.matchAll(/`([\w.-]+)`/g)].map(([, name]) => name!)

describe('docs/operations.md', () => {
  it('names only fields that a status has', async () => {
    const folder = temporaryDirectory()
    const remote = bareRepository()
    await using log = await open(join(folder, 'log.git'))
    await log.push(remote)
    await using replica = await follow(remote, join(folder, 'replica.git'), {
      stateDirectory: join(folder, 'state'),
    })
    await using shared = await open(join(folder, 'shared.git'), { remote, mode: 'shared' })
    const fields = rowsOf('What to watch').map(([cell]) => namesIn(cell!)[0]!)
    expect(fields.length).toBeGreaterThan(8)
    const has = (status: object, field: string) => {
      let value: unknown = status
      for (const name of field.split('.')) {
        if (typeof value !== 'object' || value === null || !(name in value)) return false
        value = value[name as keyof typeof value]
      }
      return true
    }
    const statuses = [log.status(), replica.status(), shared.status()]
    expect(fields.filter((field) => !statuses.some((status) => has(status, field)))).toEqual([])
  })

  it('names only errors that there are', () => {
    const known = new Set(
      [...text('docs/errors.md').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code),
    )
    const codes = rowsOf('What can fail').flatMap(([cell]) => namesIn(cell!))
    expect(codes.length).toBeGreaterThan(20)
    expect(codes.filter((code) => !known.has(code))).toEqual([])
  })

  it('names every notice that there is, and no other', () => {
    const kinds = new Set(
      [...text('src/log/log-state.ts').matchAll(/readonly kind: '([a-z-]+)'/g)].map(([, kind]) => kind),
    )
    const paragraph = page.slice(page.indexOf('Notices (')).split('\n\n')[0]!
    const named = namesIn(paragraph).filter((name) => name !== 'onNotice')
    expect(new Set(named)).toEqual(kinds)
  })

  it('names only commands that there are', () => {
    const words = [...page.matchAll(/memoir (?:-q )?(?:-C \S+ )?([a-z-]+)/g)].map(([, word]) => word!)
    expect(words.length).toBeGreaterThan(10)
    expect(words.filter((word) => !Object.keys(commands).includes(word))).toEqual([])
  })
})
