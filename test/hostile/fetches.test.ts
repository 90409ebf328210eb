import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { open } from '../../src/index.ts'
import { memoir } from '../cli/program.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { git, gitText } from '../repository/real-git.ts'

const QUIET = { watch: false, maintenance: false } as const
const GIB = 1 << 30
const MIB = 1 << 20
/** Of any process, ours or git's. A program that opens a log takes some 80 MB. */
const MOST_MEMORY_KIB = 300 * 1024
const MOST_MS = 60_000
const BATCH = '000000000002.jsonl'

/** What somebody put into the remote's last commit, and what the remote sends of it. */
const ATTACKS: Readonly<Record<string, { readonly plant: (remote: string) => void; readonly code: RegExp }>> =
  {
    'a batch of 1 GiB of zeros': {
      plant: (remote) => commit(remote, `100644 blob ${zeros(remote)}\t${BATCH}\n`),
      code: /code: 'object-too-large'/,
    },
    'a batch of 1 GiB that is a delta of some bytes': {
      plant: (remote) => commit(remote, `100644 blob ${deltaBomb(remote)}\t${BATCH}\n`, baseOf(remote)),
      code: /kind: 'unsound'/,
    },
    'a folder of 2.5 million names': {
      plant: (remote) => commit(remote, undefined, '', wideTree(remote, 2_500_000)),
      code: /code: 'object-too-large'/,
    },
  }

describe.each(Object.entries(ATTACKS))('%s', (_, { plant, code }) => {
  it('is refused by pull, follow and clone soon, and in bounded memory', {
    timeout: 400_000,
  }, async () => {
    const folder = temporaryFolder()
    const remote = join(folder, 'remote.git')
    const log = join(folder, 'log.git')
    {
      await using opened = await open(remote, QUIET)
      await opened.append('s', [{ type: 'Counted' }], { ack: 'committed' })
    }
    git(folder, ['clone', '--quiet', '--bare', remote, log])
    const good = gitText(log, 'rev-parse', 'main')
    plant(remote)
    for (const words of [
      ['-C', log, 'pull'],
      ['follow', remote, join(folder, 'replica.git')],
      ['clone', remote, join(folder, 'clone.git')],
    ]) {
      const { stderr, peakKiB, ms } = await watched(folder, [...words, '--debug'])
      expect(stderr).toMatch(code)
      expect(ms).toBeLessThan(MOST_MS)
      expect(peakKiB).toBeLessThan(MOST_MEMORY_KIB)
    }
    expect(gitText(log, 'rev-parse', 'main')).toBe(good)
    expect(readdirSync(folder).sort()).toEqual(['log.git', 'remote.git'])
  })
})

/** A pack with a blob of zeros, which git sends as it is: a MiB of them, deflated once, again and again. */
function zeros(remote: string): string {
  const part = Buffer.alloc(MIB)
  const hash = createHash('sha1').update(`blob ${GIB}\0`)
  for (let at = 0; at < GIB; at += MIB) hash.update(part)
  const [begin, end] = [Buffer.from([0x78, 0x01]), Buffer.from([3, 0])]
  const deflated = deflateRawSync(part, { finishFlush: constants.Z_FULL_FLUSH })
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE((GIB % 65_521) * 0x10000 + 1)
  const repeated = Array<Buffer>(GIB / MIB).fill(deflated)
  storePack(remote, [Buffer.concat([entryHeader(3, GIB), begin, ...repeated, end, checksum])])
  return hash.digest('hex')
}

function storePack(remote: string, entries: readonly Buffer[]): void {
  const body = Buffer.concat([
    Buffer.from(`PACK\0\0\0\x02\0\0\0${String.fromCharCode(entries.length)}`, 'latin1'),
    ...entries,
  ])
  const input = Buffer.concat([body, createHash('sha1').update(body).digest()])
  git(remote, ['index-pack', '--stdin'], { input })
}

function baseOf(remote: string): string {
  return `100644 blob ${store(remote, 'blob', Buffer.alloc(8 * MIB))}\tbase\n`
}

/** A pack with a blob of 8 MiB, and a delta that repeats it 128 times. Returns the name of what that makes. */
function deltaBomb(remote: string): string {
  const base = Buffer.alloc(8 * MIB)
  const hash = createHash('sha1').update(`blob ${GIB}\0`)
  for (let part = 0; part < GIB / base.length; part++) hash.update(base)
  const copies = Buffer.concat(Array.from({ length: GIB / base.length }, () => Buffer.from([0xc0, 0x80])))
  const delta = Buffer.concat([varint(base.length), varint(GIB), copies])
  const oid = createHash('sha1').update(`blob ${base.length}\0`).update(base).digest()
  storePack(remote, [
    Buffer.concat([entryHeader(3, base.length), deflateSync(base)]),
    Buffer.concat([entryHeader(7, delta.length), oid, deflateSync(delta)]),
  ])
  return hash.digest('hex')
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left % 128) | 128)
  }
}

/** Type and size, as they stand before an object in a pack. */
function entryHeader(type: number, size: number): Buffer {
  const rest = Math.floor(size / 16)
  const first = (type << 4) | (size % 16)
  return rest === 0 ? Buffer.from([first]) : Buffer.concat([Buffer.from([first | 128]), varint(rest)])
}

/** A tree of so many batch files, all of them the same blob. */
function wideTree(remote: string, count: number): string {
  const blob = Buffer.from(gitText(remote, 'rev-parse', 'main:memoir.yaml'), 'hex')
  const rows = Buffer.alloc(count * 46)
  for (let row = 0; row < count; row++) {
    rows.write(`100644 ${String(row + 1).padStart(12, '0')}.jsonl\0`, row * 46, 'latin1')
    blob.copy(rows, row * 46 + 26)
  }
  return store(remote, 'tree', rows)
}

function store(remote: string, type: string, input: Uint8Array): string {
  return git(remote, ['hash-object', '-w', '-t', type, '--stdin', '--literally'], { input }).toString().trim()
}

/** A commit with one more entry among the batches, and one beside the log; or with another folder of batches. */
function commit(remote: string, entry = '', beside = '', folder?: string): void {
  const mktree = (input: string) => git(remote, ['mktree', '--missing'], { input }).toString().trim()
  const list = (tree: string) => git(remote, ['ls-tree', tree]).toString()
  const directory = folder ?? mktree(list('main:events/000000') + entry)
  const events = mktree(`040000 tree ${directory}\t000000\n`)
  const others = list('main')
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('\tevents'))
  const root = mktree(`${[...others, `040000 tree ${events}\tevents`].join('\n')}\n${beside}`)
  git(remote, [
    'update-ref',
    'refs/heads/main',
    gitText(remote, 'commit-tree', '-p', 'main', '-m', 'x', root),
  ])
}

/** Runs the program, and says how much memory it, or a git at work for it, took at most, and for how long it ran. */
async function watched(folder: string, words: readonly string[]) {
  let peakKiB = 0
  const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const others = new Set(processes())
  const look = () => {
    for (const pid of processes().filter((one) => !others.has(one))) {
      if (!contents(`/proc/${pid}/environ`).includes(`WATCHED=${folder}`)) continue
      const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(contents(`/proc/${pid}/status`))?.[1] ?? 0)
      peakKiB = Math.max(peakKiB, peak)
    }
  }
  const timer = setInterval(look, 20)
  const start = performance.now()
  // TMPDIR is handed on to git: what is given in it marks all processes that belong to this run.
  const env = { XDG_STATE_HOME: join(folder, 'log.git'), TMPDIR: '/tmp', USER: `WATCHED=${folder}` }
  const { stderr } = await memoir(words, { env })
  clearInterval(timer)
  return { stderr, peakKiB, ms: performance.now() - start }
}

/** Empty for a process that has ended. */
function contents(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
