import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  clone,
  follow,
  type Log,
  MemoirError,
  open,
  type PastImage,
  projection,
  type Replica,
  restore,
  type SharedLog,
  standby,
} from '../../src/index.ts'
import { TemporaryFolder } from '../repository/real-git.ts'

/** Callers in plain JavaScript give anything. What no call can use is tried at each place of each. */
const KINDS: Readonly<Record<string, unknown>> = { null: null, number: 7, text: 'text', true: true }
type Kind = keyof typeof KINDS
// The compiler would refuse all of them.
type Call = (value: never) => unknown

const folder = new TemporaryFolder()
const counts = projection({ name: 'counts', version: 1, init: () => ({}), when: {} })
const event = { type: 'Counted' }
let log: Log
let past: PastImage
let shared: SharedLog
let replica: Replica
let number = 0
const fresh = () => join(folder.path, `new-${number++}`)
const here = join(folder.path, 'log.git')
const backup = join(folder.path, 'backup')

beforeAll(async () => {
  log = await open(here, { projections: [counts], watch: false })
  await log.append('a', [event], { ack: 'committed' })
  await log.backup(backup)
  past = await log.at(1)
  const stateDirectory = join(folder.path, 'state')
  replica = await follow(here, join(folder.path, 'replica.git'), { stateDirectory, fileEvents: false })
  shared = await open(join(folder.path, 'shared.git'), { mode: 'shared', remote: here })
})

afterAll(async () => {
  for (const one of [shared, replica, log]) await one.close()
  folder[Symbol.dispose]()
})

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events) break
}

/** A call for each option of one that takes options. */
function each(name: string, call: (options: never) => unknown, options: Readonly<Record<string, Kind[]>>) {
  return Object.entries(options).map(([option, fine]): [string, Call, Kind[]] => [
    `${name}({ ${option} })`,
    (value) => call({ [option]: value } as never),
    fine,
  ])
}

const closed = async (opened: Promise<{ close(): Promise<void> }>) => (await opened).close()
const TRANSFER = { signal: [], onProgress: [] }

const CALLS: readonly [name: string, call: Call, fine: Kind[]][] = [
  ['open(…)', (value) => closed(open(value)), ['text']],
  ['open(path, …)', (value) => closed(open(fresh(), value)), []],
  ...each('open', (options) => closed(open(fresh(), options)), {
    projections: [],
    codec: [],
    engine: [],
    readOnly: ['true'],
    remote: ['text'],
    push: [],
    author: [],
    seal: [],
    watch: [],
    snapshot: [],
    maintenance: [],
    limits: [],
    mode: [],
    onNotice: [],
    onProgress: [],
    ports: [],
    signal: [],
  }),
  ['open({ projections: [ … ] })', (value) => open(fresh(), { projections: [value] }), []],
  ['clone(…)', (value) => clone(value), ['text']],
  ['clone(address, …)', (value) => clone(here, value), ['text']],
  ['clone(address, path, …)', (value) => clone(here, fresh(), value), []],
  ...each('clone', (options) => closed(clone(here, fresh(), options)), {
    workTree: ['true'],
    signal: [],
    onTransfer: [],
  }),
  ['follow(…)', (value) => follow(value, fresh()), ['text']],
  ['follow(remote, …)', (value) => follow(here, value), ['text']],
  ['follow(remote, path, …)', (value) => follow(here, fresh(), value), []],
  ...each('follow', (options) => closed(follow(here, fresh(), options)), {
    projections: [],
    poll: [],
    fileEvents: ['true'],
    limits: [],
    timeoutMs: ['number'],
    stateDirectory: ['text'],
    snapshot: [],
    signal: [],
    onTransfer: [],
    ports: [],
  }),
  ['restore(…)', (value) => restore(value, fresh()), []],
  ['restore(directory, …)', (value) => restore(backup, value), ['text']],
  ['restore(directory, path, …)', (value) => restore(backup, fresh(), value), []],
  ...each('restore', (options) => restore(backup, fresh(), options), {
    at: [],
    dryRun: ['true'],
    signal: [],
    onTransfer: [],
    onProgress: [],
    ports: [],
  }),
  ['standby(directory, path, …)', (value) => standby(backup, fresh(), value), []],
  ...each('standby', (options) => standby(backup, fresh(), options), { signal: [], onStep: [] }),
  ['projection(…)', (value) => projection(value), []],
  ...each('log.read', (options) => drain(log.read(options)), {
    stream: ['text'],
    from: ['number'],
    to: ['number'],
    limit: ['number'],
    direction: [],
    types: [],
    streams: [],
    prefix: ['text'],
    tags: [],
    ifMissing: [],
    follow: ['true'],
    signal: [],
  }),
  ['log.read(…)', (value) => drain(log.read(value)), []],
  ['log.event(…)', (value) => log.event(value), []],
  ['log.streams(…)', (value) => log.streams(value), []],
  ...each('log.streams', (options) => log.streams(options), { prefix: ['text'] }),
  ['log.state(…)', (value) => log.state(value), []],
  ['log.state(counts, …)', (value) => log.state(counts, value), []],
  ['log.at(…)', (value) => log.at(value), []],
  ['log.resume(…)', (value) => log.resume(value), []],
  ['log.resume(counts, …)', (value) => log.resume(counts, value), []],
  ['log.waitFor(…)', (value) => log.waitFor(value, { signal: AbortSignal.abort() }), ['number']],
  ['log.waitFor(1, …)', (value) => log.waitFor(1, value), []],
  ...each('log.fold', (options) => log.fold(options), { signal: [] }),
  ...each('log.waitFor', (options) => log.waitFor(1, options), { signal: [] }),
  ['log.backup(…)', (value) => log.backup(value), ['text']],
  ['log.backup(directory, …)', (value) => log.backup(backup, value), []],
  ...each('log.backup', (options) => log.backup(backup, options), TRANSFER),
  ['log.drill(…)', (value) => log.drill(value), []],
  ['log.drill(source, …)', (value) => log.drill(backup, value), []],
  ...each('log.drill', (options) => log.drill(backup, options), { ...TRANSFER, onReplayed: [] }),
  ['log.verify(…)', (value) => log.verify(value), []],
  ...each('log.verify', (options) => log.verify(options), TRANSFER),
  ['log.maintain(…)', (value) => log.maintain(value), []],
  ...each('log.maintain', (options) => log.maintain(options), TRANSFER),
  ['log.push(…)', (value) => log.push(value), []],
  ['log.push(remote, …)', (value) => log.push(undefined, value), []],
  ['log.pull(…)', (value) => log.pull(value), []],
  ['log.pull(remote, …)', (value) => log.pull(undefined, value), []],
  ['log.append(…)', (value) => log.append(value), []],
  ['log.append(stream, …)', (value) => log.append('a', value), []],
  ['log.append(stream, [ … ])', (value) => log.append('a', [value]), []],
  ['log.append([ … ])', (value) => log.append([value]), []],
  ['log.append(stream, events, …)', (value) => log.append('a', [event], value), ['null']],
  ...each('log.append', (options) => log.append('a', [event], options), {
    expectedVersion: ['number'],
    condition: [],
    ack: [],
    signal: [],
  }),
  ['past.read(…)', (value) => past.read(value), []],
  ...each('past.read', (options) => drain(past.read(options)), {
    stream: ['text'],
    to: ['number'],
    prefix: ['text'],
    signal: [],
  }),
  ['past.event(…)', (value) => past.event(value), []],
  ['past.streams(…)', (value) => past.streams(value), []],
  ...each('past.streams', (options) => past.streams(options), { prefix: ['text'] }),
  ['past.state(…)', (value) => past.state(value), []],
  ['past.state(counts, …)', (value) => past.state(counts, value), []],
  ['shared.append(stream, …)', (value) => shared.append('a', value), []],
  ...each('shared.append', (options) => shared.append('a', [event], options), { condition: [], signal: [] }),
  ['shared.push(…)', (value) => shared.push(value), []],
  ...each('shared.push', (options) => shared.push(options), { signal: [] }),
  ['shared.pull(…)', (value) => shared.pull(value), []],
  ...each('shared.pull', (options) => shared.pull(options), { signal: [] }),
  ['shared.retryConflict(…)', (value) => shared.retryConflict(value), []],
  ['shared.retryConflict(id, …)', (value) => shared.retryConflict('none', value), []],
  ['shared.dropConflict(…)', (value) => shared.dropConflict(value), []],
  ['shared.withdraw(…)', (value) => shared.withdraw(value), []],
  ['shared.withdraw(id, …)', (value) => shared.withdraw('none', value), []],
  ...each('shared.withdraw', (options) => shared.withdraw('none', options), { signal: [] }),
  ['replica.acceptRewrite(…)', (value) => replica.acceptRewrite(value), []],
  ['replica.acceptRewrite(commit, …)', (value) => replica.acceptRewrite('0123456', value), []],
  ['replica.describeRewrite(…)', (value) => replica.describeRewrite(value), []],
]

describe.each(CALLS)('%s', (_, call, fine) => {
  it.each(Object.keys(KINDS).filter((kind) => !fine.includes(kind)))(
    'says what to do of %s',
    async (kind) => {
      const outcome = await (async () => call(KINDS[kind] as never))().catch((error: unknown) => error)
      expect(outcome).toBeInstanceOf(MemoirError)
      const { code, hint } = outcome as MemoirError
      // It names the event and its field, which is all there is to say.
      if (code !== 'invalid-event') expect(hint).toEqual(expect.any(String))
    },
  )
})
