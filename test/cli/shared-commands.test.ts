import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { jsonLines, memoir, temporaryFolder } from './program.ts'

/** A remote with a log, and a clone of it named `clone.git`. */
async function sharedClone() {
  const folder = await temporaryFolder()
  const remote = join(folder.path, 'remote.git')
  await (await open(remote)).close()
  await memoir(['clone', remote, 'clone.git'], { cwd: folder.path })
  const run = (...words: string[]) => memoir(['-C', 'clone.git', ...words], { cwd: folder.path })
  return { folder: folder.path, remote, run, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

test('append --shared ends when the remote has the event', async () => {
  await using clone = await sharedClone()
  const { code, stdout } = await clone.run('append', 'a', 'Noted', '--shared', '--json')
  expect(code).toBe(0)
  expect((await memoir(['-C', clone.remote, 'status'])).stdout).not.toContain('outbox')
  const log = await open(clone.remote)
  expect(log.status()).toMatchObject({ events: 1, commit: JSON.parse(stdout).commit })
  await log.close()
})

test('what was appended without the remote is a conflict when it does not hold there, and can be decided', async () => {
  await using clone = await sharedClone()
  const away = `${clone.remote}.away`
  renameSync(clone.remote, away)
  const offline = ['--shared', '--ack', 'committed', '--expect', 'no-stream', '--json']
  for (const stream of ['a', 'b']) {
    const { stdout } = await clone.run('append', stream, 'Taken', ...offline)
    expect(JSON.parse(stdout)).toEqual({ isProvisional: true, ids: [expect.any(String)] })
  }
  expect((await clone.run('status')).stdout).toMatch(/^outbox {7}2 events not on the remote yet$/m)
  const other = await open(away)
  for (const stream of ['a', 'b']) await other.append(stream, [{ type: 'Taken' }], { ack: 'committed' })
  await other.close()
  renameSync(away, clone.remote)

  expect(JSON.parse((await clone.run('sync', '--json')).stdout)).toMatchObject({ position: 2, conflicts: 2 })
  expect((await clone.run('status')).stdout).toMatch(/^outbox {7}2 conflicts to decide: memoir conflicts$/m)
  const status = JSON.parse((await clone.run('status', '--json')).stdout)
  expect(status.shared).toEqual({ provisional: 0, conflicts: 2 })
  const listed = (await clone.run('conflicts', '--json')).stdout.trim().split('\n')
  const [first, second] = listed.map((line) => JSON.parse(line))
  expect(first).toMatchObject({ appends: [{ stream: 'a' }], reason: { code: 'concurrency' } })

  expect((await clone.run('conflicts', 'retry', first.id)).code).toBe(4)
  const retried = await clone.run('conflicts', 'retry', first.id, '--expect', '1', '--json')
  expect(JSON.parse(retried.stdout)).toMatchObject({ version: 2, position: 3 })
  expect((await clone.run('conflicts', 'drop', second.id)).code).toBe(0)
  expect((await clone.run('conflicts')).stdout).toBe('No conflicts.\n')
  expect((await clone.run('status')).stdout).toMatch(/^outbox {7}empty$/m)
  expect((await clone.run('conflicts', 'drop', second.id)).code).toBe(3)
}, 120_000)

test('what the remote never takes is listed, withdrawn, and lets the others go on', async () => {
  await using clone = await sharedClone()
  const hooks = join(clone.remote, 'hooks')
  mkdirSync(hooks, { recursive: true })
  const refuse =
    'while read before after ref; do git diff "$before" "$after" | grep SECRET && exit 1; done; exit 0'
  writeFileSync(join(hooks, 'pre-receive'), `#!/bin/sh\n${refuse}\n`)
  chmodSync(join(hooks, 'pre-receive'), 0o755)
  const offline = ['--shared', '--ack', 'committed']
  await clone.run('append', 'a', 'Noted', '--data', '{"text":"SECRET"}', ...offline, '--expect', 'no-stream')
  await clone.run('append', 'b', 'Taken', ...offline)

  const refused = await clone.run('sync')
  expect(refused.code).toBe(6)
  expect(refused.stderr).toContain('memoir pending')
  const pending = await clone.run('pending')
  expect(pending.stdout).toMatch(/^\S+\n {4}Noted {2}a\n\S+\n {4}Taken {2}b\n$/)
  const listed = (await clone.run('pending', '--json')).stdout.trim().split('\n')
  const [first, second] = listed.map((line) => JSON.parse(line))
  expect(first).toEqual({
    id: expect.any(String),
    appends: [
      { stream: 'a', expectedVersion: 'no-stream', events: [expect.objectContaining({ type: 'Noted' })] },
    ],
  })
  expect(second).toMatchObject({ appends: [{ stream: 'b', events: [{ type: 'Taken' }] }] })

  const withdrawn = await clone.run('pending', 'withdraw', first.id, '--json')
  expect([withdrawn.code, JSON.parse(withdrawn.stdout)]).toEqual([0, { withdrawn: first.id }])
  expect(withdrawn.stderr).not.toContain('Did not hold')
  expect(JSON.parse((await clone.run('sync', '--json')).stdout)).toMatchObject({ position: 1, conflicts: 1 })
  expect((await clone.run('pending')).stdout).toBe('Nothing waits for the remote.\n')
  expect((await clone.run('conflicts')).stdout).toContain(`${first.id}  it was withdrawn`)

  const again = await clone.run('pending', 'withdraw', first.id)
  expect(again.code).toBe(3)
  expect(again.stderr).toContain('memoir conflicts')
  expect((await clone.run('conflicts', 'retry', first.id)).code).toBe(6)
  const [append] = first.appends
  const edited = [{ ...append, events: [{ ...append.events[0], data: { text: 'nothing to hide' } }] }]
  const retried = await clone.run(
    'conflicts',
    'retry',
    first.id,
    '--appends',
    JSON.stringify(edited),
    '--json',
  )
  expect(JSON.parse(retried.stdout)).toMatchObject({ version: 1, position: 2, ids: [append.events[0].id] })
  expect((await clone.run('read', 'a')).stdout).toContain('nothing to hide')
  expect((await clone.run('conflicts')).stdout).toBe('No conflicts.\n')
}, 120_000)

test('a conflict is retried as --json lists it, with data as deep as an append takes', async () => {
  await using clone = await sharedClone()
  const data = `${'['.repeat(100)}${']'.repeat(100)}`
  const offline = ['--shared', '--ack', 'committed', '--data', data, '--json']
  const away = `${clone.remote}.away`
  renameSync(clone.remote, away)
  expect((await clone.run('append', 'a', 'Noted', ...offline)).code).toBe(0)
  renameSync(away, clone.remote)
  const [waiting] = jsonLines((await clone.run('pending', '--json')).stdout)
  expect((await clone.run('pending', 'withdraw', String(waiting!.id))).code).toBe(0)
  const [conflict] = jsonLines((await clone.run('conflicts', '--json')).stdout)
  const appends = JSON.stringify(conflict!.appends)
  const retried = await clone.run('conflicts', 'retry', String(conflict!.id), '--appends', appends, '--json')
  expect(retried.stderr).toBe('')
  expect(JSON.parse(retried.stdout)).toMatchObject({ position: 1 })
}, 120_000)
