import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { Notice } from '../../src/log/log-state.ts'
import { open } from '../../src/memoir.ts'
import { git, gitText, TemporaryFolder } from '../repository/real-git.ts'

const EVENT = { type: 'Deposited', data: 1 }

async function appendOnce(
  path: string,
  engine: 'git' | 'isomorphic',
  onNotice: (notice: Notice) => void = () => undefined,
): Promise<void> {
  await using log = await open(path, { engine, onNotice })
  await log.append('a', [EVENT], { ack: 'committed' })
}

describe.each(['git', 'isomorphic'] as const)('checked-out files, engine %s', (engine) => {
  test('are those of the first commit beside what the user had staged before it', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet'])
    writeFileSync(join(folder.path, 'notes.txt'), 'mine')
    git(folder.path, ['add', 'notes.txt'])
    const log = await open(folder.path, { engine })
    await log.append('a', [EVENT])
    await log.close()
    expect(gitText(folder.path, 'status', '--porcelain')).toBe('A  notes.txt')
    expect(existsSync(join(folder.path, 'memoir.yaml'))).toBe(true)
  })
  test('stay those of another branch while the user is on it, and come along at the return', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet'])
    const log = await open(folder.path, { engine })
    await log.append('a', [EVENT])
    await log.close()
    const again = await open(folder.path, { engine })
    git(folder.path, ['switch', '--quiet', '--create', 'feature'])
    await again.append('a', [EVENT], { ack: 'committed' })
    await again.close()
    expect(gitText(folder.path, 'status', '--porcelain')).toBe('')
    git(folder.path, ['switch', '--quiet', 'main'])
    const last = await open(folder.path, { engine })
    await last.append('a', [EVENT])
    await last.close()
    expect(gitText(folder.path, 'status', '--porcelain')).toBe('')
    expect(gitText(folder.path, 'ls-files', 'events').split('\n')).toHaveLength(3)
  })

  test('go on from where the user has reset them to while the log is open', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet'])
    const notices: Notice[] = []
    const log = await open(folder.path, { engine, onNotice: (notice) => notices.push(notice) })
    for (let number = 1; number <= 2; number++) await log.append('a', [EVENT], { ack: 'committed' })
    await vi.waitUntil(() => gitText(folder.path, 'status', '--porcelain') === '', { timeout: 10_000 })
    git(folder.path, ['reset', '--quiet', '--hard', 'HEAD^'])
    await log.append('a', [EVENT], { ack: 'committed' })
    await log.close()
    expect(gitText(folder.path, 'status', '--porcelain')).toBe('')
    expect(gitText(folder.path, 'ls-files', 'events').split('\n')).toHaveLength(2)
    expect(notices.map(({ kind }) => kind)).toEqual(['rewritten'])
  })

  test('wait for a file that is in the way, whoever opens the log meanwhile, and lose no other one', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet'])
    await appendOnce(folder.path, engine)
    const inTheWay = join(folder.path, 'events/000000/000000000002.jsonl')
    writeFileSync(inTheWay, 'mine')
    const isInTheWay = {
      code: 'work-tree',
      message: expect.stringMatching(/000000000002\.jsonl changed by somebody else.*is stored/),
      hint: expect.stringContaining('Move your changes to these files away'),
    }
    for (let times = 0; times < 2; times++) {
      await expect(appendOnce(folder.path, engine)).rejects.toMatchObject(isInTheWay)
    }
    expect(readFileSync(inTheWay, 'utf8')).toBe('mine')
    rmSync(inTheWay)
    await (await open(folder.path, { engine })).close()
    expect(gitText(folder.path, 'status', '--porcelain')).toBe('')
    expect(gitText(folder.path, 'ls-files', 'events').split('\n')).toHaveLength(3)
  })

  test('tell once what is in their way, and closing a log that was only opened does not fail for it', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet'])
    await appendOnce(folder.path, engine)
    writeFileSync(join(folder.path, 'events/000000/000000000002.jsonl'), 'mine')
    const notices: Notice[] = []
    await appendOnce(folder.path, engine, (notice) => notices.push(notice)).catch(() => undefined)
    expect(notices.map(({ kind }) => kind)).toEqual(['work-tree-behind'])
    const log = await open(folder.path, { engine, onNotice: (notice) => notices.push(notice) })
    await log.close()
    expect(notices.map(({ kind }) => kind)).toEqual(['work-tree-behind', 'work-tree-behind'])
  })
})
