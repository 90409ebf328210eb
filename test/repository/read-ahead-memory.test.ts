import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git, TemporaryFolder } from './real-git.ts'

const MIB = 1 << 20
const SMALL = 100
const LARGE = 8
const LARGE_BYTES = 12 * MIB
/** What is read ahead, and what the reading itself takes. */
const BEYOND_BYTES = 10 * MIB
const DIST = new URL('../../dist/repository', import.meta.url).href

describe.each([
  ['git', 'loose'],
  ['git', 'packed'],
  ['isomorphic', 'loose'],
])('engine %s, %s', (engine, kind) => {
  it('does not hold large objects in memory together that come after many small ones', () => {
    using folder = new TemporaryFolder()
    const directory = folder.join('log.git')
    git(folder.path, ['init', '--quiet', '--bare', directory])
    const oids = writeObjects(directory, kind === 'packed')
    expect(mostBytesHeld(engine, directory, oids)).toBeLessThan(LARGE_BYTES + BEYOND_BYTES)
  }, 120_000)
})

/** Blobs, in the order in which they are read. */
function writeObjects(directory: string, isPacked: boolean): readonly string[] {
  const small = Array.from({ length: SMALL }, (_, n) => Buffer.from(`small ${n}`))
  const large = Array.from({ length: LARGE }, (_, n) => Buffer.alloc(LARGE_BYTES, `${n} `))
  const commands = [...small, ...large].flatMap((content, n) => [
    Buffer.from(`blob\nmark :${n + 1}\ndata ${content.length}\n`),
    content,
    Buffer.from('\n'),
  ])
  const settings = ['core.compression=1', `fastimport.unpackLimit=${isPacked ? 1 : 1000}`]
  const words = [...settings.flatMap((setting) => ['-c', setting]), 'fast-import', '--quiet']
  const marks = join(directory, 'marks')
  git(directory, [...words, `--export-marks=${marks}`], { input: Buffer.concat(commands) })
  const lines = readFileSync(marks, 'utf8').trim().split('\n')
  return lines
    .map((line) => /^:(\d+) (\w+)$/.exec(line)!)
    .sort(([, a], [, b]) => Number(a) - Number(b))
    .map(([, , oid]) => oid!)
}

/** Reads all objects in a process of its own, which takes its time with each, and looks what it holds meanwhile. */
function mostBytesHeld(engine: string, directory: string, oids: readonly string[]): number {
  const program = `
    import { openReader } from '${DIST}/open-reader.js'
    import { GitRunner } from '${DIST}/runner.js'
    const turns = async (count) => {
      for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    /** Once nothing comes any more. */
    const held = async () => {
      for (let before = -1, now = 0; ; before = now) {
        await turns(20)
        gc()
        now = process.memoryUsage().arrayBuffers
        if (now <= before) return now
      }
    }
    const [engine, gitDirectory, ...oids] = process.argv.slice(1)
    const runner = new GitRunner({ repository: { gitDirectory } })
    const reader = await openReader({ engine, gitDirectory, runner })
    let most = 0
    let count = 0
    for await (const { content } of reader.readMany(oids)) {
      if (++count >= ${SMALL - 1}) most = Math.max(most, await held())
    }
    await reader[Symbol.asyncDispose]()
    await runner[Symbol.asyncDispose]()
    console.log(JSON.stringify({ count, most }))`
  const words = ['--expose-gc', '--input-type=module', '-e', program, engine, directory, ...oids]
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  expect(stderr).toBe('')
  const { count, most } = JSON.parse(stdout)
  expect(count).toBe(oids.length)
  return most
}
