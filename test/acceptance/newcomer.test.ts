import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { open, type RecordedEvent } from '../../src/index.ts'
import { git, gitText, temporaryDirectory } from '../repository/real-git.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

it('the example of the README does what it says', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const example = /```js\n(.*?)```/s.exec(readme)![1]!
  expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(10)
  const promised = [...example.matchAll(/console\.log.*\/\/ (.*)/g)].map(([, said]) => said)
  const library = JSON.stringify(join(root, 'dist/index.js'))
  const folder = temporaryDirectory()
  writeFileSync(join(folder, 'example.mjs'), example.replace("'memoir'", library))
  const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: folder })
  expect(stdout.trim().split('\n')).toEqual(promised)
  expect(promised.length).toBeGreaterThan(0)
})

it('the examples of the guide do what they say, one after the other', async () => {
  const guide = readFileSync(join(root, 'docs/guide/library.md'), 'utf8')
  const examples = [...guide.matchAll(/```js\n(.*?)```/gs)].map(([, example]) => example)
  const program = examples.join('')
  const promised = [...program.matchAll(/(?:^|console\.log.* )\/\/ (.*)$/gm)].map(([, said]) => said)
  const folder = temporaryDirectory()
  const library = JSON.stringify(join(root, 'dist/index.js'))
  writeFileSync(join(folder, 'guide.mjs'), program.replace("'memoir'", library))
  const { stdout } = await run(process.execPath, ['guide.mjs'], { cwd: folder })
  expect(stdout.trim().split('\n')).toEqual(promised)
  expect(promised.length).toBeGreaterThan(8)
})

it('the demo appends, pushes, clones, compares and follows, in under a minute', {
  timeout: 60_000,
}, async () => {
  const { stdout } = await run(process.execPath, [join(root, 'demo/demo.js')], { cwd: root })
  expect(stdout).toContain('8,577 events in 1,434 streams')
  expect(stdout.match(/equal in both/g)).toHaveLength(3)
  expect(stdout).toMatch(/position 8,578 is in the image/)
  expect(stdout).toMatch(/pull into the clone: from position 8,577 to 8,578/)
  const log = join(root, '.demo/receipt.git')
  expect(gitText(log, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('')

  // With plain git and a JSON parser: every event, in order.
  const copy = join(temporaryDirectory(), 'copy')
  git(root, ['clone', '--quiet', log, copy])
  const files = gitText(copy, 'ls-files', 'events').split('\n')
  const events = files
    .flatMap((file) => readFileSync(join(copy, file), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line))
  expect(events).toHaveLength(8577)
  expect(new Set(events.map(({ type }) => type)).size).toBe(27)
  expect(events.map(({ time }) => time)).toEqual(events.map(({ time }) => time).sort())
})

it('the sample log opens once it is a repository, in both codecs, and is sound', async () => {
  const path = temporaryDirectory()
  cpSync(join(root, 'sample-repo'), path, { recursive: true })
  git(path, ['init', '--quiet', '--initial-branch=main'])
  git(path, ['add', '--all'])
  git(path, ['commit', '--quiet', '-m', 'A log'])
  await using log = await open(path, { readOnly: true })
  const events: RecordedEvent[] = []
  for await (const event of log.read({ stream: 'case-3756' })) events.push(event)
  expect(events.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(log.streams()).toHaveLength(4)
  expect(await log.verify()).toMatchObject({ isSound: true, findings: [] })
})
