import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { gitText } from '../repository/real-git.ts'
import {
  hangingGit,
  interrupt,
  isRunning,
  type Place,
  PROMPT_MS,
  pidOfGit,
  prepare,
} from './interrupted-fixture.ts'
import { LIBRARY, memoir, start } from './program.ts'

const COMMANDS: readonly (readonly [string, (place: Place) => readonly string[]])[] = [
  ['init', ({ log }) => ['init', log]],
  ['state', ({ log, folder }) => ['-C', log, 'state', '--projections', `${folder}/counted.mjs`]],
  ['at', ({ log, folder }) => ['-C', log, 'at', '3', 'state', '--projections', `${folder}/counted.mjs`]],
  ['fold', ({ log }) => ['-C', log, 'fold']],
  ['read', ({ log }) => ['-C', log, 'read']],
  ['append', ({ log }) => ['-C', log, 'append', 's', 'Counted']],
]

test.each(COMMANDS)(
  'memoir %s ends at once by Ctrl-C where opening the log hangs, and is done the next time',
  async (_, words) => {
    const place = await prepare()
    writeProjections(place)
    leaveObjectsToGit(place)
    const { code, stdout, stderr, ms, pid } = await interruptInGit(place, words(place))
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' })
    expect(ms).toBeLessThan(PROMPT_MS)
    expect(isRunning(pid)).toBe(false)
    expect(await memoir(words(place))).toMatchObject({ code: 0, stderr: '' })
  },
  60_000,
)

test('memoir fold ends at once by Ctrl-C where git hangs, gives the lock back, and folds the next time', async () => {
  const place = await prepare()
  const words = ['-C', place.log, 'fold']
  const { code, stdout, stderr, ms } = await interruptInGit(place, words)
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' })
  expect(ms).toBeLessThan(PROMPT_MS)
  expect(batchFiles(place)).toHaveLength(6)
  expect(await memoir(words)).toMatchObject({ code: 0, stdout: 'Folded 6 batch files into 1\n' })
  expect(batchFiles(place)).toHaveLength(1)
}, 60_000)

test('memoir restore --follow ends at once by Ctrl-C where opening the standby hangs', async () => {
  const place = await prepare()
  leaveObjectsToGit(place)
  const { code, stdout, ms, pid } = await interruptInGit(place, [
    ...['restore', place.backup, place.log],
    '--follow',
  ])
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(ms).toBeLessThan(PROMPT_MS)
  expect(isRunning(pid)).toBe(false)
}, 60_000)

test('memoir state ends at once by Ctrl-C while its module of projections waits', async () => {
  const place = await prepare()
  const module = `${place.folder}/waits.mjs`
  writeFileSync(module, "console.error('waits')\nawait new Promise((resolve) => setTimeout(resolve, 1e6))\n")
  const command = start(['-C', place.log, 'state', '--projections', module])
  await command.prints('waits')
  const { code, stdout, stderr, ms } = await interrupt(command)
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'waits\n' })
  expect(ms).toBeLessThan(PROMPT_MS)
}, 60_000)

async function interruptInGit(place: Place, words: readonly string[]) {
  const path = `${hangingGit(place.folder, 'cat-file')}:${process.env.PATH}`
  const command = start(words, { env: { PATH: path } })
  const pid = await pidOfGit(place)
  return { ...(await interrupt(command)), pid }
}

/** Puts the objects where git alone looks for them. */
function leaveObjectsToGit({ log, folder }: Place): void {
  renameSync(`${log}/objects`, `${folder}/objects`)
  mkdirSync(`${log}/objects/info`, { recursive: true })
  mkdirSync(`${log}/objects/pack`)
  writeFileSync(`${log}/objects/info/alternates`, `${folder}/objects\n`)
}

function writeProjections({ folder }: Place): void {
  writeFileSync(
    `${folder}/counted.mjs`,
    `import { projection } from '${LIBRARY}'
export const counted = projection({
  name: 'counted', version: 1, init: () => 0, when: { Counted: (count) => count + 1 },
})
`,
  )
}

function batchFiles({ log }: Place): readonly string[] {
  return gitText(log, 'ls-tree', '-r', '--name-only', 'HEAD', 'events/').split('\n')
}
