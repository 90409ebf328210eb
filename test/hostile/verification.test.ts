import { join } from 'node:path'
import { expect, test } from 'vitest'
import { jsonLines, memoir } from '../cli/program.ts'
import { makeLog, storedLine, temporaryFolder } from '../log/log-fixture.ts'
import { git, gitText } from '../repository/real-git.ts'

const FILES = 100_000
const COMMITS = 20

test('a history of large trees that differ takes the memory of a few of them', async () => {
  const path = await makeLog([], { path: join(temporaryFolder(), 'large.git') })
  const write = (type: string, content: Buffer | string) =>
    git(path, ['hash-object', '-w', '-t', type, '--stdin'], { input: content }).toString().trim()
  const entry = (head: string, oid: string) =>
    Buffer.concat([Buffer.from(`${head}\0`), Buffer.from(oid, 'hex')])
  const file = (first: number, oid: string) => entry(`100644 ${String(first).padStart(12, '0')}.jsonl`, oid)
  const blob = write('blob', storedLine({ stream: 'x', version: 1 }))
  const rest = Buffer.concat(Array.from({ length: FILES }, (_, at) => file(at + 2, blob)))
  const manifest = entry('100644 memoir.yaml', gitText(path, 'rev-parse', 'main:memoir.yaml'))
  for (let at = 0; at < COMMITS; at++) {
    const first = file(1, write('blob', storedLine({ stream: 'x', version: at + 1 })))
    const directory = write('tree', Buffer.concat([first, rest]))
    const events = write('tree', entry('40000 000000', directory))
    const tree = write('tree', Buffer.concat([entry('40000 events', events), manifest]))
    const commit = git(path, ['commit-tree', tree, '-p', 'main', '-m', 'x']).toString().trim()
    git(path, ['update-ref', 'refs/heads/main', commit])
  }
  const node = ['--max-old-space-size=128']
  const { code, stdout } = await memoir(['-C', path, '-q', 'verify', '--json'], { node })
  expect(code).toBe(5)
  expect(jsonLines(stdout)[0]).toMatchObject({ events: FILES + 1, commits: COMMITS + 1 })
}, 240_000)
