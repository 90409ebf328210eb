import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { makeEmptyLog } from './empty-log.ts'
import {
  jsonLines,
  LIBRARY,
  leaveInJournal,
  memoir,
  shell,
  temporaryFolder,
  writeProjections,
} from './program.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let bank: string

beforeAll(async () => {
  folder = await temporaryFolder()
  bank = join(folder.path, 'bank.git')
  await using log = await open(bank)
  const deposit = (amount: number) => ({ type: 'MoneyDeposited', data: { amount }, tags: ['kind:in'] })
  await log.append('account-1', [{ type: 'AccountOpened', metadata: { actor: 'ada' } }, deposit(10)])
  await log.append('account-2', [{ type: 'AccountOpened' }, deposit(5)])
  await log.append('__proto__', [deposit(7)])
  await writeProjections(folder.path)
})
afterAll(() => folder[Symbol.asyncDispose]())

const inBank = (...words: string[]) => memoir(['-C', bank, ...words])

describe('init', () => {
  test('creates a log, and leaves one that is there as it is', async () => {
    await using own = await temporaryFolder()
    const first = await memoir(['init', 'notes.git', '--codec', 'yaml', '--json'], { cwd: own.path })
    const again = await memoir(['init', 'notes.git', '--json'], { cwd: own.path })
    expect(first.code).toBe(0)
    expect(jsonLines(first.stdout)[0]).toMatchObject({ name: 'notes', codec: 'yaml', events: 0 })
    expect(again.stdout).toBe(first.stdout)
  })

  test('refuses a folder that holds something else, and changes nothing in it', async () => {
    await using own = await temporaryFolder()
    await writeFile(join(own.path, 'thesis.txt'), 'x')
    const { code, stderr } = await memoir(['init'], { cwd: own.path })
    expect(code).toBe(3)
    expect(stderr).toContain('is not a Git repository: it is not empty')
    expect(await readdir(own.path)).toEqual(['thesis.txt'])
  })
})

describe('append', () => {
  test('takes data from an argument, from standard input and from a file', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await makeEmptyLog(join(cwd, 'log.git'))
    await writeFile(join(cwd, 'third.json'), '{"n":3}')
    const append = (...words: string[]) => ['-C', 'log.git', 'append', 's', ...words]
    await memoir(append('A', '--data', '{"n":1}'), { cwd })
    await memoir(append('B', '--data', '-'), { cwd, input: '{"n":2}' })
    await memoir(append('C', '--data-file', 'third.json'), { cwd })
    await memoir(append('D', '--metadata', '-'), { cwd, input: '{"n":4}' })
    await memoir(append('E', '--metadata-file', 'third.json'), { cwd })
    const { stdout } = await memoir(['-C', 'log.git', 'read', '--json'], { cwd })
    const events = jsonLines(stdout)
    expect(events.slice(0, 3).map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(events.slice(3).map(({ metadata }) => metadata)).toEqual([{ n: 4 }, { n: 3 }])
  })

  test('refuses a file, or standard input, that is not UTF-8, and takes one with a byte order mark', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await makeEmptyLog(join(cwd, 'log.git'))
    await writeFile(join(cwd, 'latin.json'), Buffer.from('{"name":\n "caf\u00e9 \ufffd"}', 'latin1'))
    await writeFile(join(cwd, 'marked.json'), '\ufeff{"name":"café"}')
    const append = 'memoir -C log.git append s A'
    const place = 'line 2, column 6: bytes that are not UTF-8'
    const file = await shell(`${append} --data-file latin.json`, { cwd })
    expect([file.code, file.stdout]).toEqual([2, ''])
    expect(file.stderr).toContain(`latin.json: ${place}`)
    const input = await shell(`${append} --metadata - < latin.json`, { cwd })
    expect([input.code, input.stdout]).toEqual([2, ''])
    expect(input.stderr).toContain(`standard input: ${place}`)
    expect((await shell(`${append} --data-file marked.json`, { cwd })).code).toBe(0)
    expect((await shell(`cat marked.json | ${append} --data -`, { cwd })).code).toBe(0)
    const { stdout } = await memoir(['-C', 'log.git', 'read', '--json'], { cwd })
    expect(jsonLines(stdout).map(({ data }) => data)).toEqual([{ name: 'café' }, { name: 'café' }])
  })

  test('keeps metadata, tags, schema, id and time, and prints where the event stands', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await makeEmptyLog(cwd)
    const words = ['append', 's', 'A', '--metadata', '{"actor":"ada"}', '--tag', 'a', '--tag', 'b']
    const time = '2026-11-01T00:00:00.000Z'
    const appended = await memoir([...words, '--schema', '2', '--id', 'x-1', '--time', time, '--json'], {
      cwd,
    })
    const { stdout } = await memoir(['read', 's', '--json'], { cwd })
    const event = {
      position: 1,
      stream: 's',
      version: 1,
      type: 'A',
      schema: 2,
      tags: ['a', 'b'],
      id: 'x-1',
      time,
    }
    expect(jsonLines(stdout)).toEqual([{ ...event, data: {}, metadata: { actor: 'ada' } }])
    expect(jsonLines(appended.stdout)).toEqual([
      {
        version: 1,
        position: 1,
        firstPosition: 1,
        streams: [{ stream: 's', version: 1 }],
        ids: ['x-1'],
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      },
    ])
  })

  test.each([
    ['a key that stands twice', ['--data', '{"a":1,"a":2}'], 2, 'this key stands twice'],
    ['an integer that a double cannot hold', ['--data', '9007199254740993'], 2, 'beyond ±(2^53 - 1)'],
    [
      'two inputs from one stream',
      ['--data', '-', '--metadata', '-'],
      2,
      'cannot both come from standard input',
    ],
    ['metadata that is no object', ['--metadata', '[1]'], 2, 'no JSON object'],
    ['an unmet expectation', ['--expect', 'no-stream'], 4, 'is at version 2, the append expected no-stream'],
    ['an expectation that is none', ['--expect', 'maybe'], 2, '"maybe" is no expected version'],
    ['a time before the last event', ['--time', '2001-01-01T00:00:00Z'], 2, 'lies before the last event'],
    ['an ack level that is none', ['--ack', 'hoped'], 2, 'Give one of written, journaled'],
    [
      'a remote without --shared',
      ['--remote', 'mirror', '--ack', 'pushed'],
      2,
      '--remote goes with --shared',
    ],
    ['a file that is not there', ['--data-file', 'nowhere.json'], 2, 'nowhere.json cannot be read (ENOENT)'],
  ])('refuses %s, and stores nothing', async (_, words, expected, said) => {
    const { code, stderr, stdout } = await inBank('append', 'account-1', 'X', ...words)
    expect(stderr).toContain(said)
    expect([code, stdout]).toEqual([expected, ''])
    await using log = await open(bank, { watch: false })
    expect(log.status().events).toBe(5)
  })

  test.each([
    ['empty', '', 'must not be empty'],
    ['too long', 's'.repeat(201), 'must not be longer than 200 characters'],
    ['hiding an escape sequence', 'a\u001b[2J', 'must not hold control characters'],
  ])('refuses a stream name that is %s', async (_, stream, said) => {
    const { code, stderr } = await inBank('append', stream, 'X')
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)])
    expect(stderr).not.toContain('\u001b')
  })

  test('creates no log in a repository that has none', async () => {
    await using own = await temporaryFolder()
    execFileSync('git', ['init', '-q', own.path])
    const { code } = await memoir(['append', 's', 'A'], { cwd: own.path })
    expect(code).toBe(3)
    expect(existsSync(join(own.path, '.git/memoir'))).toBe(false)
  })
})

describe('options of the program', () => {
  test('may stand behind the command', async () => {
    const { stdout, code } = await memoir(['streams', '--json', '-q', '-C', bank])
    expect([jsonLines(stdout).length > 0, code]).toEqual([true, 0])
    expect((await memoir(['streams', '-C', bank, '-V'])).stdout).toBe((await memoir(['-V'])).stdout)
  })

  test('are not found in the values of the options of a command', async () => {
    await using own = await temporaryFolder()
    await memoir(['init', own.path])
    const values = ['--id', '-V', '--tag', '-q', '--tag', '-C', '--tag', '--help', '--json']
    const { stdout, code } = await memoir(['-C', own.path, 'append', 's', 'T', ...values])
    expect([jsonLines(stdout)[0]?.ids, code]).toEqual([['-V'], 0])
    const [event] = jsonLines((await memoir(['read', '--json', '-C', own.path])).stdout)
    expect(event).toMatchObject({ id: '-V', tags: ['-q', '-C', '--help'] })
    await leaveInJournal(own.path, 3)
    expect((await memoir(['read', '--type', '-q', '-C', own.path])).stderr).toContain('Committed 3 events')
    expect((await memoir(['read', 'nowhere', '--type', '--debug', '-C', own.path])).stderr).not.toContain(
      '    at ',
    )
  })
})

describe('read', () => {
  test('prints two lines an event for people', async () => {
    const { stdout } = await inBank('read', 'account-1')
    expect(stdout.replace(/\d{4}-.*Z/g, '<time>')).toBe(
      [
        '     1  AccountOpened  account-1@1  <time>',
        '        {}',
        '        metadata {"actor":"ada"}',
        '     2  MoneyDeposited  account-1@2  <time>',
        '        {"amount":10}',
        '        tags kind:in',
        '',
      ].join('\n'),
    )
  })

  test.each([
    [
      ['--from', '2', '--to', '4'],
      [2, 3, 4],
    ],
    [
      ['--backwards', '--limit', '2'],
      [5, 4],
    ],
    [
      ['--type', 'AccountOpened'],
      [1, 3],
    ],
    [
      ['--type', 'AccountOpened', '--type', 'MoneyDeposited', '--prefix', 'account-2'],
      [3, 4],
    ],
    [
      ['--tag', 'kind:in'],
      [2, 4, 5],
    ],
    [['--limit', '0'], []],
    [['__proto__'], [5]],
  ])('%j', async (words, positions) => {
    const { stdout, code } = await inBank('read', '--json', ...words)
    expect(code).toBe(0)
    expect(stdout === '' ? [] : jsonLines(stdout).map(({ position }) => position)).toEqual(positions)
  })

  test('says that a stream is not there', async () => {
    const { code, stderr } = await inBank('read', 'account-3')
    expect([code, stderr]).toEqual([3, expect.stringContaining('there is no stream "account-3"')])
  })

  test('gives what import takes again', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    const { stdout } = await inBank('read', '--json')
    await makeEmptyLog(cwd)
    const { code } = await memoir(['import', '-', '--format', 'jsonl'], { cwd, input: stdout })
    expect(code).toBe(0)
    expect((await memoir(['read', '--json'], { cwd })).stdout).toBe(stdout)
  })

  test('finds the repository above the current folder', async () => {
    const { stdout } = await memoir(['streams', '--json'], { cwd: join(bank, 'objects') })
    expect(jsonLines(stdout)).toHaveLength(3)
  })

  test('never looks above the folder that -C names', async () => {
    const { code } = await memoir(['-C', join(bank, 'nowhere'), 'read'])
    expect(code).toBe(3)
  })
})

test('streams prints a table for people and an object a line for programs', async () => {
  const [titles, first] = (await inBank('streams')).stdout.split('\n')
  expect(titles).toBe('STREAM     VERSION  POSITION  LAST CHANGE')
  expect(first).toMatch(/^account-1 {8}2 {9}2 {2}\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  const { stdout } = await inBank('streams', '--prefix', 'account-2', '--json')
  expect(jsonLines(stdout)).toEqual([
    { stream: 'account-2', version: 2, position: 4, time: expect.stringMatching(/Z$/) },
  ])
})

describe('state', () => {
  const inState = (...words: string[]) =>
    inBank('state', '--projections', join(folder.path, 'projections.mjs'), ...words)

  test('prints every projection of a module', async () => {
    const { stdout } = await inState()
    expect(stdout).toBe(
      [
        'balances (version 1) at position 5',
        '  account-1  10',
        '  account-2  5',
        '  __proto__  7',
        'deposits (version 2) at position 5',
        '  3',
        '',
      ].join('\n'),
    )
  })

  test('prints JSON, a projection a line, with a key called __proto__ as any other', async () => {
    const { stdout } = await inState('balances', '--json')
    expect(stdout).toBe(
      '{"projection":"balances","version":1,"position":5,"state":{"account-1":10,"account-2":5,"__proto__":7}}\n',
    )
  })

  test('prints the others where a projection has stopped, and says so', async () => {
    const path = join(folder.path, 'stopping.mjs')
    await writeFile(
      path,
      `import { projection } from '${LIBRARY}'
const fail = () => { throw new Error('no') }
export const a = projection({ name: 'a', version: 1, init: () => 0, when: { AccountOpened: fail } })
export const b = projection({ name: 'b', version: 1, init: () => 0, when: { AccountOpened: (count) => count + 1 } })`,
    )
    const { code, stdout, stderr } = await inBank('state', '--projections', path, '--json')
    expect(jsonLines(stdout)).toMatchObject([{ projection: 'b', state: 2 }])
    expect([code, stderr]).toEqual([1, expect.stringContaining('"a" stopped at position 1')])
  })

  test('prints one entry', async () => {
    expect((await inState('balances', '__proto__')).stdout).toBe('7\n')
    const { stdout } = await inState('balances', 'account-1', '--json')
    expect(jsonLines(stdout)).toEqual([
      { projection: 'balances', version: 1, position: 5, key: 'account-1', value: 10 },
    ])
  })

  test.each([
    ['an entry that is not there', ['balances', 'constructor'], 3, 'has no entry "constructor"'],
    ['a projection that is not there', ['totals'], 3, 'the projection "totals"'],
  ])('says that it has not %s', async (_, words, expected, said) => {
    const { code, stderr } = await inState(...words)
    expect([code, stderr]).toEqual([expected, expect.stringContaining(said)])
  })

  test('says what is wrong with a module', async () => {
    const missing = await inBank('state', '--projections', 'nowhere.mjs')
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining('projections from nowhere.mjs'),
    ])
    const module = join(folder.path, 'stuck.mjs')
    await writeFile(module, 'await new Promise(() => {})\n')
    const stuck = await inBank('state', '--projections', module)
    expect([stuck.code, stuck.stdout]).toEqual([2, ''])
    expect(stuck.stderr).toContain(`projections from ${module}: it waits at its top level (await) for`)
    const none = await inBank('state')
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--projections')])
  })
})

test('-C with no folder is refused: the variable that was to hold it may be empty', async () => {
  for (const words of [
    ['-C', '', 'status'],
    ['status', '-C', ''],
  ]) {
    const { code, stdout, stderr } = await memoir(words, { cwd: bank })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('-C needs the path of a folder, not ""')
  }
})

describe('at', () => {
  test('says what there was', async () => {
    const { stdout } = await inBank('at', '3', '--json')
    expect(jsonLines(stdout)).toEqual([{ position: 3, streams: 2, time: expect.stringMatching(/Z$/) }])
  })

  test('gives streams, events and state as they were', async () => {
    expect(jsonLines((await inBank('at', '3', 'streams', '--json')).stdout)).toMatchObject([
      { stream: 'account-1', version: 2 },
      { stream: 'account-2', version: 1 },
    ])
    const events = await inBank('at', '3', 'read', '--backwards', '--limit', '1', '--json')
    expect(jsonLines(events.stdout)).toMatchObject([{ position: 3 }])
    const module = join(folder.path, 'projections.mjs')
    const state = await inBank('at', '4', 'state', 'balances', '--projections', module, '--json')
    expect(jsonLines(state.stdout)).toMatchObject([
      { position: 4, state: { 'account-1': 10, 'account-2': 5 } },
    ])
  })

  test('leaves all that stands behind the name of the other command to that', async () => {
    const read = ['at', '3', 'read', '--json']
    const { code, stdout } = await inBank(...read, '--prefix', '-q')
    expect([code, stdout]).toEqual([0, ''])
    expect((await inBank('at', '3', 'read', '--help')).stdout).toMatch(/^Usage: memoir read/)
    const before = await inBank('at', '-q', '--json', '3', 'streams', '-q')
    expect(jsonLines(before.stdout)).toHaveLength(2)
    const unknown = await inBank('at', '3', '--prefix', 'account-1')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("unknown option '--prefix'")])
  })

  test('takes the commit that the log was at', async () => {
    const { commit } = jsonLines((await inBank('status', '--json')).stdout)[0]!
    expect((await inBank('at', String(commit))).stdout).toContain('Position 5: 5 events in 3 streams')
  })

  test.each([
    ['6', [], 3, 'the log ends at 5'],
    ['yesterday', [], 2, 'no point in the history'],
    ['0'.repeat(40), [], 3, 'there is no commit'],
    ['3', ['append', 's', 'T'], 2, '"append" cannot be asked of the past'],
  ])('refuses %s %j', async (point, words, expected, said) => {
    const { code, stderr } = await inBank('at', point, ...words)
    expect([code, stderr]).toEqual([expected, expect.stringContaining(said)])
  })
})

test('status says where the log stands', async () => {
  expect((await inBank('status')).stdout).toMatch(/^events {7}5$/m)
  expect(jsonLines((await inBank('status', '--json')).stdout)[0]).toMatchObject({
    name: 'bank',
    codec: 'jsonl',
    format: 1,
    branch: 'refs/heads/main',
    events: 5,
    streams: 3,
    unsealed: 0,
    positions: { branch: 5, journal: 5 },
    projections: [],
  })
})

test('verify finds a sound log sound', async () => {
  const { code, stdout } = await inBank('verify')
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^Sound: 5 events in \d commits, 0 errors, 0 warnings$/m),
  ])
  expect(jsonLines((await inBank('verify', '--json')).stdout)[0]).toMatchObject({
    isSound: true,
    events: 5,
    findings: [],
  })
})

test('a damaged log is not read, but verified: both end with 5', async () => {
  await using own = await temporaryFolder()
  const cwd = own.path
  execFileSync('git', ['init', '-q', '-b', 'main', cwd])
  await makeEmptyLog(cwd)
  await memoir(['append', 's', 'A'], { cwd })
  const batch = join(cwd, 'events/000000/000000000001.jsonl')
  await writeFile(batch, (await readFile(batch, 'utf8')).replace('"version":1', '"version":3'))
  const author = ['-c', 'user.name=ada', '-c', 'user.email=ada@example.org']
  execFileSync('git', ['-C', cwd, ...author, 'commit', '-q', '-a', '-m', 'Mend history'])

  const read = await memoir(['read'], { cwd })
  expect([read.code, read.stdout]).toEqual([5, ''])
  expect(read.stderr).toContain('000000000001.jsonl')
  const verified = await memoir(['verify'], { cwd })
  expect([verified.code, verified.stdout]).toEqual([
    5,
    expect.stringContaining('Damaged: 1 event in 3 commits'),
  ])
  const [findings] = jsonLines((await memoir(['verify', '--json'], { cwd })).stdout)
  expect(findings).toMatchObject({
    isSound: false,
    findings: expect.arrayContaining([
      expect.objectContaining({ severity: 'error', code: 'version-mismatch' }),
    ]),
  })
})

test('--quiet leaves data and errors', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log.git')
  await makeEmptyLog(path)
  await leaveInJournal(path, 1)
  const { stdout, stderr } = await memoir(['-C', path, 'read', '--json', '--quiet'])
  expect([jsonLines(stdout).length, stderr]).toEqual([1, ''])
})

test('fold says what it did', async () => {
  const { code, stdout } = await inBank('fold', '--json')
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toEqual([{ before: expect.any(Number), after: expect.any(Number) }])
})

describe('push, clone, pull', () => {
  test('carry a log to a remote and back', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', join(cwd, 'backup.git')])
    await makeEmptyLog(join(cwd, 'log.git'))
    await memoir(['-C', 'log.git', 'append', 's', 'A'], { cwd })

    const pushed = await memoir(['-C', 'log.git', 'push', '../backup.git', '--json'], { cwd })
    expect(jsonLines(pushed.stdout)).toEqual([
      { remote: '../backup.git', commit: expect.stringMatching(/^[0-9a-f]{40}$/), position: 1 },
    ])
    const status = await memoir(['-C', 'log.git', 'status'], { cwd })
    expect(status.stdout).toMatch(
      /^remote +\.\.\/backup\.git, position 1 at [0-9a-f]{40}, lacks nothing; last push /m,
    )
    const cloned = await memoir(['clone', 'backup.git', 'copy.git', '--json'], { cwd })
    expect(jsonLines(cloned.stdout)).toMatchObject([{ path: join(cwd, 'copy.git'), events: 1, streams: 1 }])

    await memoir(['-C', 'log.git', 'append', 's', 'B'], { cwd })
    const behind = await memoir(['-C', 'log.git', 'status', '--json'], { cwd })
    expect(jsonLines(behind.stdout)).toMatchObject([
      { remotes: [{ remote: '../backup.git', isAuthority: false, unpushed: { events: 1, commits: 1 } }] },
    ])
    await memoir(['-C', 'log.git', 'push', '../backup.git'], { cwd })
    const pulled = await memoir(['-C', 'copy.git', 'pull', '--json'], { cwd })
    expect(jsonLines(pulled.stdout)).toMatchObject([{ remote: 'origin', from: 1, to: 2 }])
    const nothing = await memoir(['-C', 'copy.git', 'pull'], { cwd })
    expect(nothing.stdout).toBe('Nothing new on origin: position 2\n')
  })

  test('a clone with files has all of them', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await makeEmptyLog(join(cwd, 'log.git'))
    expect((await memoir(['clone', 'log.git', 'copy', '--work-tree'], { cwd })).code).toBe(0)
    const status = execFileSync('git', ['status', '--porcelain'], { cwd: join(cwd, 'copy') })
    expect(status.toString()).toBe('')
  })

  test('a remote that is not there ends with 6, one that is not known with 2', async () => {
    const missing = await inBank('push', '/nowhere/at/all.git')
    expect([missing.code, missing.stderr]).toEqual([6, expect.stringContaining('hint:')])
    expect((await inBank('push', 'origin')).code).toBe(2)
  })
})

describe('usage', () => {
  test.each([
    [['raed'], "unknown command 'raed'", 'Did you mean read?'],
    [['read', '--limt', '3'], "unknown option '--limt'", 'Did you mean --limit?'],
    [['read', '--limit', 'many'], '"many" is not a whole number', ''],
    [['append', 'stream'], "missing required argument 'type'", ''],
    [['read', 'a', 'b'], 'too many arguments', ''],
    [['conflicts', 'drop', 'x', '--expect', '1'], '--expect goes with retry', ''],
    [['conflicts', 'drop', 'x', '--appends', '[]'], '--appends goes with retry', ''],
    [['conflicts', 'retry', 'x', '--appends', '{}'], '--appends is no list', 'memoir conflicts --json'],
    [['conflicts', '--remote', 'mirror'], '--remote goes with retry or drop', ''],
    [['pending', '--remote', 'mirror'], '--remote goes with withdraw', ''],
    [['pending', 'drop', 'x'], '"drop" is not withdraw', ''],
    [['pending', 'withdraw'], 'which append to withdraw is not said', ''],
  ])('%j is refused with a way on', async (words, problem, hint) => {
    const { code, stderr, stdout } = await memoir(words)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('memoir: ')
    expect(stderr).toContain(problem)
    expect(stderr).toContain(hint)
  })

  test('no stack is shown, unless --debug asks for it', async () => {
    expect((await inBank('read', 'nowhere')).stderr).not.toContain('    at ')
    expect((await inBank('read', 'nowhere', '--debug')).stderr).toContain('    at ')
  })

  test('help is shown for the program and for a command', async () => {
    const all = await memoir(['--help'])
    expect([all.code, all.stdout]).toEqual([0, expect.stringContaining('append <stream> <type>')])
    const one = await memoir(['help', 'tail'])
    expect([one.code, one.stdout]).toEqual([0, expect.stringContaining('Examples:')])
    expect((await memoir(['-q', '-C', 'help', 'help', 'tail'])).stdout).toBe(one.stdout)
  })

  test('help for a command that there is not is wrong usage', async () => {
    for (const words of [
      ['help', 'tial'],
      ['tial', '--help'],
    ]) {
      const { code, stdout, stderr } = await memoir(words)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain("unknown command 'tial'")
      expect(stderr).toContain('Did you mean tail?')
    }
  })
})
