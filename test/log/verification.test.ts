import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeYaml } from '../../src/event/yaml-codec.ts'
import type { Finding, Verification } from '../../src/log/verification/verification.ts'
import { git, gitText } from '../repository/real-git.ts'
import {
  batch,
  closeLog,
  commitByHand,
  deposits,
  makeLog,
  openLog,
  readFileAt,
  storedLine,
  temporaryFolder,
  trailers,
  verify,
} from './log-fixture.ts'

const codes = ({ findings }: Verification) => findings.map(({ code }) => code)

/** The only finding there is. */
function only({ findings }: Verification): Finding {
  expect(findings).toHaveLength(1)
  return findings[0]!
}

/** Moves history on by an append that follows, so that damage is not at the head alone. */
function appendByHand(path: string, first: number, lines: string, message?: string): string {
  return commitByHand(path, { files: { [batch(first)]: lines }, ...(message !== undefined && { message }) })
}

describe('a time', () => {
  const written = (time: string) => storedLine({ stream: 'by-hand', version: 1, time })
  const forms = {
    stored: (time: string) => ({ [batch(3)]: written(time) }),
    spaced: (time: string) => ({ [batch(3)]: written(time).replace('{', '{ ') }),
    yaml: (time: string) => ({
      [batch(3, 'yaml')]: `- id: x\n  stream: by-hand\n  version: 1\n  type: Noted\n  time: ${time}\n`,
    }),
  }
  test.each([
    ['2100-01-01T00:00:00.000Z', true],
    ['2100-01-01T00:00:00Z', true],
    ['2100-01-01T00:00:00.1234567-05:30', true],
    ['2100-01-01t00:00:00.000Z', false],
    ['2100-01-01T00:00:00.000z', false],
    ['2100-01-01 00:00:00.000Z', false],
    ['2100-01-01T00:00:60.000Z', false],
    ['2100-02-29T00:00:00.000Z', false],
  ])('such as %s is the same to whoever opens a log and to whoever verifies it', async (time, isTaken) => {
    for (const form of Object.values(forms)) {
      const path = await makeLog(deposits(2))
      commitByHand(path, { files: form(time) })
      expect((await verify(path)).isSound).toBe(isTaken)
      const opened = openLog(path).then(closeLog)
      if (isTaken) await opened
      else await expect(opened).rejects.toMatchObject({ code: 'invalid-batch' })
    }
  })
})

describe('a sound log', () => {
  test('has no findings after appends to several streams, of several events', async () => {
    const path = await makeLog([
      ...deposits(5),
      {
        stream: 'naïve 🦊',
        events: [
          { type: 'Ü', data: 'text' },
          { type: 'X', tags: ['a', 'b'], metadata: { actor: 'me' } },
        ],
      },
    ])
    expect(await verify(path)).toEqual({ isSound: true, events: 7, commits: 7, findings: [] })
  })

  test('has no findings when it is empty', async () => {
    expect(await verify(await makeLog([]))).toEqual({ isSound: true, events: 0, commits: 1, findings: [] })
  })

  test('has no findings after folds, and after appends behind them, with both engines', async () => {
    const path = await makeLog(deposits(520))
    expect(gitText(path, 'log', '--format=%s', '--grep=Memoir-Kind: fold')).not.toBe('')
    const opened = await openLog(path)
    await opened.log.fold()
    await opened.log.append([{ stream: 'a', events: [{ type: 'X' }] }], undefined, 'committed')
    await closeLog(opened)
    const verification = await verify(path)
    expect(verification).toMatchObject({ isSound: true, events: 521, findings: [] })
    git(path, ['repack', '-adq'])
    expect(await verify(path, { engine: 'isomorphic' })).toEqual(verification)
  })

  test('has no findings for YAML batches, folded ones among them', async () => {
    const path = await makeLog(deposits(6), { codec: 'yaml' })
    const opened = await openLog(path)
    await opened.log.fold()
    await closeLog(opened)
    expect(gitText(path, 'log', '-1', '--format=%s')).toMatch(/^Fold/)
    expect(await verify(path)).toMatchObject({ isSound: true, events: 6, findings: [] })
  })

  test('has no findings for appends by hand, in YAML and in JSON lines, without trailers', async () => {
    const path = await makeLog(deposits(2))
    const yaml =
      '# first of May\n- id: x\n  stream: by-hand\n  version: 1\n  type: Noted\n  time: 2100-01-01T00:00:00Z\n'
    commitByHand(path, { files: { [batch(3, 'yaml')]: yaml } })
    appendByHand(path, 4, storedLine({ stream: 'by-hand', version: 2 }))
    expect(await verify(path)).toMatchObject({ isSound: true, events: 4, commits: 5, findings: [] })
  })

  test('may have other files and folders beside the log', async () => {
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { 'README.md': 'Hello\n', 'tools/a/b.sh': 'true\n' } })
    expect(await verify(path)).toMatchObject({ isSound: true, findings: [] })
  })

  test('may have a comment changed in a batch that was written by hand', async () => {
    const path = await makeLog([])
    const yaml = '- id: x\n  stream: by-hand\n  version: 1\n  type: Noted\n  time: 2100-01-01T00:00:00Z\n'
    commitByHand(path, { files: { [batch(1, 'yaml')]: yaml } })
    commitByHand(path, { files: { [batch(1, 'yaml')]: `# a comment\n${yaml}` } })
    expect(await verify(path)).toMatchObject({ isSound: true, findings: [] })
  })
})

describe('objects', () => {
  test('a byte flipped in a blob of history is found in its file and commit', async () => {
    const path = await makeLog(deposits(3))
    const oid = gitText(path, 'rev-parse', `main:${batch(2)}`)
    const other = gitText(path, 'rev-parse', `main:${batch(3)}`)
    replaceLoose(path, oid, readFileSync(loosePath(path, other)))
    const finding = only(await verify(path))
    const commit = gitText(path, 'rev-parse', 'main~1')
    expect(finding).toMatchObject({ severity: 'error', code: 'object-corrupt', file: batch(2), commit })
  })

  test('a blob that git cannot inflate is corrupt, and the rest is verified', async () => {
    const path = await makeLog(deposits(3))
    const oid = gitText(path, 'rev-parse', `main:${batch(2)}`)
    replaceLoose(path, oid, Buffer.from('nonsense'))
    const verification = await verify(path)
    expect(only(verification)).toMatchObject({ code: 'object-corrupt', file: batch(2) })
    expect(verification).toMatchObject({ isSound: false, events: 2, commits: 4 })
  })

  test('a missing blob that only history needs is found', async () => {
    const path = await makeLog(deposits(4))
    const oid = gitText(path, 'rev-parse', `main:${batch(2)}`)
    const opened = await openLog(path)
    await opened.log.fold()
    await closeLog(opened)
    rmSync(loosePath(path, oid))
    const verification = await verify(path)
    expect(only(verification)).toMatchObject({ code: 'object-missing', file: batch(2) })
    expect(verification.events).toBe(4)
  })

  test('a missing directory of an old commit is found, and what comes after it is verified', async () => {
    const path = await makeLog(deposits(3))
    rmSync(loosePath(path, gitText(path, 'rev-parse', 'main~1:events/000000')))
    const verification = await verify(path)
    const commit = gitText(path, 'rev-parse', 'main~1')
    expect(only(verification)).toMatchObject({ code: 'object-missing', file: 'events/000000', commit })
    expect(verification).toMatchObject({ events: 3, commits: 4 })
  })

  test('a missing commit ends the walk, and what stands after it is verified', async () => {
    const path = await makeLog(deposits(4))
    const commit = gitText(path, 'rev-parse', 'main~2')
    rmSync(loosePath(path, commit))
    const verification = await verify(path)
    expect(only(verification)).toMatchObject({ code: 'object-missing', commit })
    expect(verification).toMatchObject({ events: 4, commits: 2 })
  })

  test('a corrupt file beside the log is found', async () => {
    const path = await makeLog([])
    commitByHand(path, { files: { 'docs/README.md': 'Hello\n' } })
    rmSync(loosePath(path, gitText(path, 'rev-parse', 'main:docs/README.md')))
    expect(only(await verify(path))).toMatchObject({ code: 'object-missing', file: 'docs/README.md' })
  })

  test('a shallow clone is a warning', async () => {
    const path = await makeLog(deposits(3))
    const clone = join(temporaryFolder(), 'clone.git')
    git(path, ['clone', '-q', '--bare', '--depth', '2', `file://${path}`, clone])
    const verification = await verify(clone)
    expect(only(verification)).toMatchObject({ severity: 'warning', code: 'shallow-history' })
    expect(verification).toMatchObject({ isSound: true, events: 3, commits: 2 })
  })
})

describe('history', () => {
  test('a merge commit is an error', async () => {
    const path = await makeLog(deposits(2))
    const commit = commitByHand(path, { parents: ['main', 'main~1'] })
    expect(only(await verify(path))).toMatchObject({ severity: 'error', code: 'merge-commit', commit })
  })

  test('a rewritten batch is found with its position', async () => {
    const path = await makeLog(deposits(3))
    const text = readFileAt(path, batch(2)).replace('"amount":1', '"amount":7')
    const commit = commitByHand(path, { files: { [batch(2)]: text } })
    const expected = { severity: 'error', code: 'history-changed', file: batch(2), position: 2, commit }
    expect(only(await verify(path))).toMatchObject(expected)
  })

  test('a removed batch is found, as well as the gap that it leaves', async () => {
    const path = await makeLog(deposits(4))
    commitByHand(path, { files: { [batch(2)]: undefined } })
    expect(codes(await verify(path))).toEqual(['history-changed', 'position-gap'])
  })

  test('a batch that was removed from the end is found', async () => {
    const path = await makeLog(deposits(4))
    const commit = commitByHand(path, { files: { [batch(4)]: undefined } })
    expect(only(await verify(path))).toMatchObject({ code: 'history-changed', position: 4, commit })
  })

  test('a gap that a later commit filled is found, with the commit that left it', async () => {
    const path = await makeLog(deposits(2))
    const commit = appendByHand(path, 4, storedLine({ stream: 'x', version: 2 }))
    appendByHand(path, 5, storedLine({ stream: 'x', version: 3 }))
    appendByHand(path, 3, storedLine({ stream: 'x', version: 1 }))
    const expected = { severity: 'error', code: 'position-gap', file: batch(4), position: 4, commit }
    expect(only(await verify(path))).toMatchObject(expected)
  })

  test('a gap in a later commit is found behind a fold, and in a clone that is shallow before it', async () => {
    const path = await makeLog(deposits(3))
    const text = [1, 2, 3].map((first) => readFileAt(path, batch(first))).join('')
    commitByHand(path, { files: { [batch(1)]: text, [batch(2)]: undefined, [batch(3)]: undefined } })
    appendByHand(path, 4, storedLine({ stream: 'x', version: 1 }))
    appendByHand(path, 6, storedLine({ stream: 'x', version: 3 }))
    appendByHand(path, 5, storedLine({ stream: 'x', version: 2 }))
    expect(codes(await verify(path))).toEqual(['position-gap'])
    const clone = join(temporaryFolder(), 'clone.git')
    git(path, ['clone', '-q', '--bare', '--depth', '3', `file://${path}`, clone])
    expect(codes(await verify(clone))).toEqual(['shallow-history', 'position-gap'])
  })

  const x = storedLine({ stream: 'x', version: 1 })
  test.each([
    ['no final line feed', x.slice(0, -1), x, 'no-final-line-feed'],
    ['a blank line at its end', `${x}\n`, x, 'blank-line'],
    ['no events', '', x, 'empty-batch'],
    ['nothing, and was taken away', '', undefined, 'empty-batch'],
  ])('a batch with %s that a later commit mended is found', async (_, broken, mended, code) => {
    const path = await makeLog(deposits(2))
    appendByHand(path, 3, broken)
    const commit = commitByHand(path, { files: { [batch(3)]: mended } })
    expect(only(await verify(path))).toMatchObject({ severity: 'error', code, file: batch(3), commit })
  })

  test('a commit that says append and changes an earlier file is found', async () => {
    const path = await makeLog(deposits(2))
    const text = readFileAt(path, batch(1)).replace('"amount":0', '"amount":9')
    const files = { [batch(1)]: text, [batch(3)]: storedLine({ stream: 'x', version: 1 }) }
    commitByHand(path, { files, message: trailers('append', 3, 1) })
    expect(only(await verify(path))).toMatchObject({ code: 'history-changed', file: batch(1) })
  })

  test('a fold that changes a line is found with its position', async () => {
    const path = await makeLog(deposits(4))
    const lines = [1, 2, 3].map((first) => readFileAt(path, batch(first)))
    const text = lines.join('').replace('"amount":1', '"amount":8')
    const files = { [batch(1)]: text, [batch(2)]: undefined, [batch(3)]: undefined }
    const commit = commitByHand(path, { files, message: trailers('fold', 1, 3) })
    expect(only(await verify(path))).toMatchObject({
      code: 'fold-mismatch',
      position: 2,
      file: batch(2),
      commit,
    })
  })

  test('a fold by hand with the same lines is fine', async () => {
    const path = await makeLog(deposits(4))
    const text = [1, 2, 3].map((first) => readFileAt(path, batch(first))).join('')
    const files = { [batch(1)]: text, [batch(2)]: undefined, [batch(3)]: undefined }
    commitByHand(path, { files, message: trailers('fold', 1, 3) })
    expect(await verify(path)).toMatchObject({ isSound: true, findings: [] })
  })

  test.each([
    ['another first position', trailers('append', 4, 1), 'Memoir-First is 4'],
    ['another count', trailers('append', 3, 2), 'Memoir-Count is 2'],
    ['a fold that folds nothing', trailers('fold', 3, 1), 'Memoir-Kind is fold'],
    ['a first commit that is none', trailers('init', 1, 0), 'Memoir-Kind is init'],
  ])('trailers that say %s are found', async (_, message, said) => {
    const path = await makeLog(deposits(2))
    const commit = appendByHand(path, 3, storedLine({ stream: 'x', version: 1 }), message)
    const finding = only(await verify(path))
    expect(finding).toMatchObject({ severity: 'error', code: 'trailers-mismatch', commit })
    expect(finding.message).toContain(said)
  })

  test('a fold whose count is wrong is found', async () => {
    const path = await makeLog(deposits(3))
    const text = [2, 3].map((first) => readFileAt(path, batch(first))).join('')
    commitByHand(path, {
      files: { [batch(2)]: text, [batch(3)]: undefined },
      message: trailers('fold', 2, 3),
    })
    expect(only(await verify(path)).message).toContain('Memoir-Count is 3, but it folds 2 events')
  })

  test.each([
    ['in its file', (text: string, added: string) => ({ [batch(2)]: text + added })],
    ['in one of their own', (text: string, added: string) => ({ [batch(2)]: text, [batch(4)]: added })],
  ])('a fold that adds events %s is found', async (_, filesOf) => {
    const path = await makeLog(deposits(3))
    const text = [2, 3].map((first) => readFileAt(path, batch(first))).join('')
    const files = { ...filesOf(text, storedLine({ stream: 'x', version: 1 })), [batch(3)]: undefined }
    const commit = commitByHand(path, { files, message: trailers('fold', 2, 2) })
    const finding = only(await verify(path))
    expect(finding).toMatchObject({ severity: 'error', code: 'trailers-mismatch', commit })
    expect(finding.message).toContain('Memoir-Kind is fold, but it adds 1 event')
  })

  test('two files in one append of ours are found', async () => {
    const path = await makeLog([])
    const files = {
      [batch(1)]: storedLine({ stream: 'x', version: 1 }),
      [batch(2)]: storedLine({ stream: 'x', version: 2 }),
    }
    commitByHand(path, { files, message: trailers('append', 1, 2) })
    expect(only(await verify(path))).toMatchObject({ code: 'trailers-mismatch' })
  })
})

describe('trees', () => {
  test('a symbolic link among the events is named with the commit that brought it, and the rest is read', async () => {
    const path = await makeLog(deposits(1))
    const link = 'events/000000/000000000002.jsonl'
    const commit = commitByHand(path, { files: { [link]: '/etc/passwd' }, modes: { [link]: '120000' } })
    commitByHand(path, { files: { 'README.md': 'Later\n' } })
    const verification = await verify(path)
    expect(only(verification)).toMatchObject({
      severity: 'error',
      code: 'unexpected-entry',
      file: link,
      commit,
    })
    expect(verification.events).toBe(1)
  })

  test.each([
    ['a stray file', 'events/000000/notes.txt', '100644'],
    ['a file in the wrong folder', 'events/000001/000000000002.jsonl', '100644'],
    ['a folder with another name', 'events/new/000000000002.jsonl', '100644'],
    ['a file beside the folders', 'events/README', '100644'],
    ['a program at the root', 'run.sh', '100755'],
    ['a second file for a position', 'events/000000/000000000001.yaml', '100644'],
  ])('%s is an unexpected entry', async (_, file, mode) => {
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { [file]: 'x\n' }, modes: { [file]: mode } })
    expect(codes(await verify(path))).toEqual(['unexpected-entry'])
  })

  test('a missing manifest is an error', async () => {
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { 'memoir.yaml': undefined } })
    expect(only(await verify(path))).toMatchObject({ code: 'not-a-log', file: 'memoir.yaml' })
  })

  test.each([
    ['a manifest that cannot be read', /^format: 1$/m, 'format: one', 'manifest-invalid'],
    ['a newer format', /^format: 1$/m, 'format: 2', 'newer-format'],
    ['another id', /^id: .*$/m, 'id: 00000000-0000-7000-8000-000000000000', 'log-id-changed'],
  ])('%s is an error', async (_, from, to, code) => {
    const path = await makeLog(deposits(1))
    const commit = commitByHand(path, {
      files: { 'memoir.yaml': readFileAt(path, 'memoir.yaml').replace(from, to) },
    })
    expect(only(await verify(path))).toMatchObject({ severity: 'error', code, file: 'memoir.yaml', commit })
  })
})

describe('events', () => {
  const line = storedLine({ stream: 'x', version: 1 })

  test('a gap between files is found', async () => {
    const path = await makeLog(deposits(2))
    appendByHand(path, 5, line)
    expect(only(await verify(path))).toMatchObject({ code: 'position-gap', file: batch(5), position: 5 })
  })

  test('a file that begins too early is found', async () => {
    const path = await makeLog([{ stream: 'a', events: [{ type: 'X' }, { type: 'X' }] }])
    appendByHand(path, 2, line)
    expect(only(await verify(path))).toMatchObject({ code: 'position-overlap', file: batch(2) })
  })

  test('a log that does not begin at position 1 has a gap', async () => {
    const path = await makeLog([])
    appendByHand(path, 2, line)
    expect(only(await verify(path))).toMatchObject({ code: 'position-gap', position: 2 })
  })

  test('two lines that changed places are found', async () => {
    const path = await makeLog([])
    const lines = [1, 3, 2, 4].map((version) => storedLine({ stream: 'x', version }))
    appendByHand(path, 1, lines.join(''))
    const { findings } = await verify(path)
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['version-mismatch']))
    expect(findings[0]).toMatchObject({ severity: 'error', file: batch(1), line: 2, position: 2 })
  })

  test('a version that was left out is found once', async () => {
    const path = await makeLog([])
    appendByHand(path, 1, [1, 2, 4, 5].map((version) => storedLine({ stream: 'x', version })).join(''))
    expect(only(await verify(path))).toMatchObject({ code: 'version-mismatch', line: 3, position: 3 })
  })

  test('a time before that of the event before is found', async () => {
    const path = await makeLog(deposits(1))
    appendByHand(path, 2, storedLine({ stream: 'x', version: 1, time: '2001-01-01T00:00:00.000Z' }))
    expect(only(await verify(path))).toMatchObject({ code: 'time-backwards', position: 2, line: 1 })
  })

  test('an id that stands twice is found, with the place of the first', async () => {
    const path = await makeLog([
      {
        stream: 'a',
        events: [
          { type: 'X', id: 'one' },
          { type: 'X', id: 'two' },
        ],
      },
    ])
    appendByHand(path, 3, storedLine({ stream: 'x', version: 1, id: 'two' }))
    const finding = only(await verify(path))
    expect(finding).toMatchObject({ code: 'duplicate-id', position: 3, file: batch(3), line: 1 })
    expect(finding.message).toContain('position 2')
  })

  test.each([
    ['white space', line.replace('":', '": ')],
    [
      'keys in another order',
      line.replace(/"version":1,"type":"MoneyDeposited"/, '"type":"MoneyDeposited","version":1'),
    ],
    ['an escape that is not needed', line.replace('{}', '{"a":"\\u0041"}')],
    ['a time with a zone', line.replace('00.000Z', '00.000+00:00')],
  ])('a line with %s is a warning, and the log stays sound', async (_, text) => {
    const path = await makeLog(deposits(1))
    appendByHand(path, 2, text)
    const verification = await verify(path)
    expect(only(verification)).toMatchObject({
      severity: 'warning',
      code: 'not-canonical',
      file: batch(2),
      line: 1,
    })
    expect(verification).toMatchObject({ isSound: true, events: 2 })
  })

  test.each([
    ['101 tags', { tags: Array.from({ length: 101 }, (_, at) => `tag:${at}`) }, 'field "tags" holds 101'],
    ['an actor that is no string', { metadata: { actor: 7 } }, 'field "metadata.actor" is 7'],
  ])('an event with %s is an error, and is counted all the same', async (_, fields, message) => {
    const { id, stream, version, type, time, data, tags, metadata } = { ...JSON.parse(line), ...fields }
    const event = { id, stream, version, type, tags, time, data, metadata }
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { [batch(2)]: `${JSON.stringify(event)}\n` } })
    const verification = await verify(path)
    expect(only(verification)).toMatchObject({
      severity: 'error',
      code: 'invalid-event',
      file: batch(2),
      line: 1,
    })
    expect(only(verification).message).toContain(message)
    expect(verification.events).toBe(2)
  })

  test.each([
    ['a key that stands twice', line.replace('{}', '{"a":1,"a":2}'), 'invalid-json'],
    ['an integer beyond 2^53', line.replace('{}', '{"a":9007199254740993}'), 'invalid-json'],
    ['half of a surrogate pair', line.replace('{}', '{"a":"\\ud800"}'), 'invalid-json'],
    ['two events on a line', line.trim() + storedLine({ stream: 'x', version: 2 }), 'invalid-json'],
    ['an unknown field', line.replace('"data"', '"payload"'), 'invalid-event'],
    ['CR LF', line.replace('\n', '\r\n'), 'crlf'],
    ['no line feed at the end', line.trim(), 'no-final-line-feed'],
    ['a byte order mark', `\ufeff${line}`, 'byte-order-mark'],
    ['a blank line', `${line}\n`, 'blank-line'],
    ['nothing', '', 'empty-batch'],
    ['bytes that are not UTF-8', Buffer.concat([Buffer.from(line), Buffer.of(0xff, 0x0a)]), 'not-utf8'],
  ])('a file with %s is an error', async (_, text, code) => {
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { [batch(2)]: text } })
    expect(only(await verify(path))).toMatchObject({ severity: 'error', code, file: batch(2) })
  })

  test('a YAML file that cannot be read is an error with its line', async () => {
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { [batch(2, 'yaml')]: '- id: x\n  id: y\n' } })
    expect(only(await verify(path))).toMatchObject({ code: 'invalid-yaml', file: batch(2, 'yaml'), line: 2 })
  })

  test('behind a file that cannot be read, versions and positions go on without findings', async () => {
    const path = await makeLog(deposits(6))
    rmSync(loosePath(path, gitText(path, 'rev-parse', `main:${batch(1)}`)))
    expect(codes(await verify(path))).toEqual(['object-missing'])
  })

  test('a file over 1 MiB with more than one event is a warning', async () => {
    const path = await makeLog([])
    const data = { text: 'x'.repeat(600_000) }
    appendByHand(path, 1, [1, 2].map((version) => storedLine({ stream: 'x', version, data })).join(''))
    expect(only(await verify(path))).toMatchObject({
      severity: 'warning',
      code: 'batch-too-large',
      file: batch(1),
    })
  })

  test('a YAML file with a version gap is found', async () => {
    const path = await makeLog([])
    const lines = [1, 3].map((version) => storedLine({ stream: 'x', version })).join('')
    commitByHand(path, { files: { [batch(1, 'yaml')]: encodeYaml(lines) } })
    expect(only(await verify(path))).toMatchObject({ code: 'version-mismatch', position: 2 })
  })
})

describe('a verification', () => {
  test('lists at most 1,000 findings of a kind, and says how many more there are', async () => {
    const path = await makeLog([])
    const line = (version: number) => storedLine({ stream: 'x', version }).replace('":', '": ')
    appendByHand(path, 1, Array.from({ length: 1500 }, (_, at) => line(at + 1)).join(''))
    const { findings } = await verify(path)
    expect(findings).toHaveLength(1001)
    expect(findings.at(-1)).toMatchObject({ severity: 'warning', code: 'not-canonical' })
    expect(findings.at(-1)!.message).toMatch(/^500 more/)
  })

  test('tells how far it is', async () => {
    const path = await makeLog(deposits(3))
    const told: string[] = []
    await verify(path, { onProgress: (done, total) => told.push(`${done}/${total}`) })
    expect(told).toEqual(['1/7', '2/7', '3/7', '4/7', '5/7', '6/7', '7/7'])
  })

  test('ends with the reason of its signal', async () => {
    const path = await makeLog(deposits(3))
    const controller = new AbortController()
    const onProgress = () => controller.abort(new Error('enough'))
    await expect(verify(path, { signal: controller.signal, onProgress })).rejects.toThrow('enough')
  })
})

function loosePath(path: string, oid: string): string {
  return join(path, 'objects', oid.slice(0, 2), oid.slice(2))
}

function replaceLoose(path: string, oid: string, bytes: Buffer): void {
  chmodSync(loosePath(path, oid), 0o644)
  writeFileSync(loosePath(path, oid), bytes)
}
