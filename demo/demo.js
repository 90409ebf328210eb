// The main job on real data: 8,577 events of 1,434 building-permit cases go into a log, the log is pushed and
// cloned, and the state rebuilt from the clone is compared with the one that was kept while writing.
import { execFileSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { clone, open } from 'memoir'
import { caseDuration, openCases, workByActor } from './projections.js'
import { readReceipts } from './receipts.js'

const here = dirname(fileURLToPath(import.meta.url))
const folder = join(here, '..', '.demo')
const paths = {
  log: join(folder, 'receipt.git'),
  remote: join(folder, 'backup.git'),
  clone: join(folder, 'clone.git'),
  workTree: join(folder, 'by-hand'),
}
const projections = [openCases, workByActor, caseDuration]
const started = performance.now()
let shownAt = 0

await rm(folder, { recursive: true, force: true })
await mkdir(folder, { recursive: true })

heading('Append: one append for each event of the real log, in its real order')
const log = await open(paths.log, { projections })
await appendAll(log, await readReceipts(join(here, 'receipt.csv.gz')))
await log.seal()
const { events, streams, positions } = log.status()
say(
  `${count(events)} events in ${count(streams)} streams, all committed (position ${count(positions.branch)}).`,
)

heading('Look: the log is plain Git, and its files are plain lines')
say(git(paths.log, 'log', '--format=%h %s%n        %(trailers:separator=%x20 )', '-5', 'main'))
const firstFile = git(paths.log, 'ls-tree', '-r', '--name-only', 'main', 'events/').split('\n')[0]
const firstLine = git(paths.log, 'show', `main:${firstFile}`).split('\n')[0]
say(`\n${firstFile}, line 1:\n${firstLine.slice(0, 240)}…`)

heading('Back up and restore: push to a bare repository, clone it, rebuild the state')
git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', paths.remote)
await timed('push', () => log.push(paths.remote))
const copy = await timed('clone and replay', () => clone(paths.remote, paths.clone, { projections }))
for (const projection of projections) {
  const isEqual = isDeepStrictEqual(log.state(projection), copy.state(projection))
  say(`  ${projection.name.padEnd(13)} ${isEqual ? 'equal in both' : 'DIFFERS'}`)
  if (!isEqual) process.exitCode = 1
}
show(copy)

heading('Follow: somebody commits an event with plain git, and the image has it')
const remote = await open(paths.remote, { projections, readOnly: true })
await followForeignCommit(remote)
const { from, to } = await copy.pull()
say(`pull into the clone: from position ${count(from)} to ${count(to)}`)
await remote.close()
await copy.close()
await log.close()

const at = relative(process.cwd(), paths.log)
heading(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s. The log lies in ${at}; try:`)
say(`  npx memoir -C ${at} read case-10011
  npx memoir -C ${at} at 2011-06-01 state openCases --projections demo/projections.js
  git -C ${at} log --stat -3`)

/** Appends each event to the stream of its case, which has to be at the version that we know. */
async function appendAll(log, receipts) {
  const versions = new Map()
  const begun = performance.now()
  for (const [index, { stream, event }] of receipts.entries()) {
    const expectedVersion = versions.get(stream) ?? 0
    const { version } = await log.append(stream, [event], { expectedVersion })
    versions.set(stream, version)
    progress(index + 1, receipts.length, begun)
  }
  const seconds = (performance.now() - begun) / 1000
  const rate = count(Math.round(receipts.length / seconds))
  say(
    `${count(receipts.length)} appends in ${seconds.toFixed(1)} s, each on the disk before the next: ${rate} a second`,
  )
}

/** Commits an event into the remote of the clone with nothing but git. */
async function followForeignCommit(remote) {
  git(folder, 'clone', '--quiet', paths.remote, paths.workTree)
  const isOpen = (stream) => [...remote.state(openCases).values()].some((cases) => cases.has(stream))
  const { stream, version } = remote.streams().find((summary) => !isOpen(summary.stream))
  const position = remote.status().events + 1
  const { time } = await remote.event(position - 1)
  const event = {
    id: 'written-by-hand',
    stream,
    version: version + 1,
    type: 'Confirmation of receipt',
    time,
    data: { 'case:department': 'General' },
    metadata: { actor: 'a person with an editor' },
  }
  const file = join('events', '000000', `${String(position).padStart(12, '0')}.jsonl`)
  await writeFile(join(paths.workTree, file), `${JSON.stringify(event)}\n`)
  const author = ['-c', 'user.name=A person', '-c', 'user.email=person@example.org']
  git(paths.workTree, 'add', file)
  git(paths.workTree, ...author, 'commit', '--quiet', '-m', `Open ${stream} again, by hand`)

  const before = isOpen(stream)
  const begun = performance.now()
  git(paths.workTree, 'push', '--quiet', 'origin', 'HEAD:main')
  const pushed = performance.now()
  await remote.waitFor(position, { signal: AbortSignal.timeout(10_000) })
  const waited = Math.round(performance.now() - pushed)
  say(
    `git push took ${Math.round(pushed - begun)} ms; ${waited} ms after it position ${count(position)} is in the image:`,
  )
  say(`  ${stream} open before: ${before}, after: ${isOpen(stream)}`)
}

function show(log) {
  const open = [...log.state(openCases)].map(([department, cases]) => `${department} ${cases.size}`)
  say(`  open cases by department: ${open.join(', ')}`)
  const busiest = [...log.state(workByActor)].sort(([, a], [, b]) => b - a).slice(0, 3)
  say(`  most steps: ${busiest.map(([actor, steps]) => `${actor} ${count(steps)}`).join(', ')}`)
  const days = [...log.state(caseDuration).values()].map((duration) => duration.days).sort((a, b) => a - b)
  say(`  duration of a case: median ${days[days.length >> 1]} days, longest ${days.at(-1)} days`)
}

function git(directory, ...args) {
  return execFileSync('git', ['-C', directory, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trimEnd()
}

async function timed(what, task) {
  const begun = performance.now()
  const result = await task()
  say(`${what}: ${Math.round(performance.now() - begun)} ms`)
  return result
}

function progress(done, total, begun) {
  const now = performance.now()
  const isLast = done === total
  if (!isLast && now - shownAt < (process.stderr.isTTY ? 100 : 1000)) return
  shownAt = now
  const rate = Math.round(done / ((now - begun) / 1000))
  const text = `  ${count(done)} of ${count(total)} events, ${count(rate)} a second`
  process.stderr.write(process.stderr.isTTY ? `\r${text}${isLast ? '\n' : ''}` : `${text}\n`)
}

function heading(text) {
  console.log(`\n${text}`)
}

function say(text) {
  console.log(text)
}

function count(number) {
  return number.toLocaleString('en')
}
