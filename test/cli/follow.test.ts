import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { jsonLines, leaveInJournal, memoir, start, temporaryFolder } from './program.ts'

async function scene() {
  const folder = await temporaryFolder()
  const remote = join(folder.path, 'remote.git')
  const deposit = async (amount: number) => {
    await using log = await open(remote)
    await log.append('account', [{ type: 'MoneyDeposited', data: { amount } }])
  }
  const env = { XDG_STATE_HOME: join(folder.path, 'state') }
  await deposit(1)
  await deposit(2)
  return {
    remote,
    deposit,
    cwd: folder.path,
    env,
    replica: join(folder.path, 'replica.git'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

const git = (path: string, ...args: readonly string[]) =>
  execFileSync('git', ['-C', path, ...args], { encoding: 'utf8' }).trim()

describe('follow', () => {
  test('makes a replica, prints its last events and what comes, and ends with 130', async () => {
    await using own = await scene()
    const followed = start(['follow', 'remote.git', 'replica.git', '-n', '1', '--json'], own)
    await followed.prints('"amount":2')
    await own.deposit(3)
    await followed.prints('"amount":3')
    followed.child.kill('SIGINT')
    const { code, stdout, stderr } = await followed.ended
    expect([code, stderr]).toEqual([130, ''])
    expect(jsonLines(stdout).map(({ position }) => position)).toEqual([2, 3])
  })

  test('names the replica after the remote where no path is given', async () => {
    await using own = await scene()
    const followed = start(['follow', '../remote.git'], { ...own, cwd: own.remote })
    await followed.prints('MoneyDeposited')
    followed.child.kill('SIGINT')
    expect((await followed.ended).code).toBe(130)
    expect(git(join(own.remote, 'remote.git'), 'rev-parse', 'main')).toBe(
      git(own.remote, 'rev-parse', 'main'),
    )
  })

  test('prints how the replica stands whenever that changes', async () => {
    await using own = await scene()
    const followed = start(['follow', 'remote.git', 'replica.git', '--status', '--json'], own)
    await followed.prints('"events":2')
    git(own.remote, 'update-ref', 'refs/heads/main', 'main~1')
    await followed.prints('"code":"remote-rewound"')
    await followed.prints('the remote went back to commit')
    followed.child.kill('SIGINT')
    expect((await followed.ended).code).toBe(130)
  })

  test('prints how the replica stands once a look is over, not in the midst of it', async () => {
    await using own = await scene()
    const followed = start(['follow', 'remote.git', 'replica.git', '--status', '--json'], own)
    await followed.prints('"events":2')
    await own.deposit(3)
    await followed.prints('"events":3')
    execFileSync('mv', [own.remote, `${own.remote}.away`])
    followed.child.kill('SIGHUP')
    await followed.prints('"code":"remote-failed"')
    execFileSync('mv', [`${own.remote}.away`, own.remote])
    followed.child.kill('SIGHUP')
    await followed.prints('The remote answers again.')
    followed.child.kill('SIGINT')
    const { stdout } = await followed.ended
    const lines = jsonLines(stdout)
    expect(lines.map(({ phase }) => phase)).toEqual(['idle', 'idle', 'backing-off', 'idle'])
    expect(lines[1]).toMatchObject({ events: 3, lag: { events: 0, commits: 0 } })
  })

  test('looks at the remote when it is sent SIGHUP', async () => {
    await using own = await scene()
    const followed = start(['follow', 'remote.git', 'replica.git', '--status', '--json'], own)
    await followed.prints('"phase":"')
    execFileSync('mv', [own.remote, `${own.remote}.away`])
    followed.child.kill('SIGHUP')
    await followed.prints('"code":"remote-failed"')
    execFileSync('mv', [`${own.remote}.away`, own.remote])
    followed.child.kill('SIGHUP')
    await followed.prints('The remote answers again.')
    followed.child.kill('SIGTERM')
    expect((await followed.ended).code).toBe(143)
  })

  test('outlives SIGHUP while its first fetch is under way', async () => {
    await using own = await scene()
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const followed = start(['follow', `https://127.0.0.1:${port}/x.git`, 'replica.git'], own)
    const [socket] = (await once(silent, 'connection')) as [Socket]
    followed.child.kill('SIGHUP')
    followed.child.kill('SIGINT')
    expect(await followed.ended).toMatchObject({ code: 130, signal: null })
    socket.destroy()
    silent.close()
  })

  test('ends with 6 when the remote cannot be reached, and leaves no folder', async () => {
    await using own = await scene()
    const { code, stderr } = await memoir(['follow', 'nowhere.git', 'replica.git'], own)
    expect(code).toBe(6)
    expect(stderr).toContain('nowhere.git')
    expect((await memoir(['-C', 'replica.git', 'status'], own)).code).toBe(3)
  })
})

describe('accept-rewrite', () => {
  test('says that the remote has no such name, rather than look for a folder', async () => {
    await using own = await temporaryFolder()
    await memoir(['init', 'log.git'], { cwd: own.path })
    const { code, stderr } = await memoir(['-C', 'log.git', 'accept-rewrite'], { cwd: own.path })
    expect([code, stderr]).toEqual([2, expect.stringContaining('git remote add origin')])
  })

  test('shows what would be lost, asks for the commit, and takes it', async () => {
    await using own = await scene()
    const followed = start(['follow', 'remote.git', 'replica.git'], own)
    await followed.prints('"amount":2')
    followed.child.kill('SIGINT')
    await followed.ended
    git(own.remote, 'update-ref', 'refs/heads/main', 'main~1')
    const head = git(own.remote, 'rev-parse', 'main')

    const shown = await memoir(['-C', 'replica.git', 'accept-rewrite'], own)
    expect([shown.code, shown.stderr]).toEqual([0, ''])
    expect(shown.stdout).toContain('loses 1 event here and brings 0 events')
    expect(shown.stdout).toContain(`memoir accept-rewrite ${head}`)

    const wrong = await memoir(['-C', 'replica.git', 'accept-rewrite', 'abcdef0'], own)
    expect(wrong.code).toBe(2)

    const taken = await memoir(['-C', 'replica.git', 'accept-rewrite', head, '--json'], own)
    expect(JSON.parse(taken.stdout)).toMatchObject({ to: head, lost: 1, gained: 0, commonPosition: 1 })
    expect(git(own.replica, 'rev-parse', 'main')).toBe(head)
  })

  test('names the remote in what is to be typed next', async () => {
    await using own = await scene()
    git(own.cwd, 'clone', '--quiet', '--bare', '--origin', 'other', 'remote.git', 'log.git')
    git(own.remote, 'update-ref', 'refs/heads/main', 'main~1')
    const words = ['-C', 'log.git', 'accept-rewrite', '--remote', 'other']
    const { stdout } = await memoir(words, own)
    const next = /memoir (accept-rewrite .+)/.exec(stdout)?.[1] ?? ''
    expect((await memoir(['-C', 'log.git', ...next.split(' ')], own)).code).toBe(0)
  })

  test('gives up what a dead writer left in the journal with the history that it belongs to', async () => {
    await using own = await scene()
    git(own.cwd, 'clone', '--quiet', '--bare', 'remote.git', 'log.git')
    await leaveInJournal(join(own.cwd, 'log.git'), 1)
    git(own.remote, 'update-ref', 'refs/heads/main', 'main~1')
    await own.deposit(7)
    const words = ['-C', 'log.git', 'accept-rewrite', git(own.remote, 'rev-parse', 'main'), '--json']
    expect(JSON.parse((await memoir(words, own)).stdout)).toMatchObject({ lost: 2, gained: 1 })
    const { stdout } = await memoir(['-C', 'log.git', 'status', '--json'], own)
    expect(JSON.parse(stdout)).toMatchObject({ events: 2 })
  })

  test('waits for nobody: it says that the replica is being followed', async () => {
    await using own = await scene()
    const followed = start(['follow', 'remote.git', 'replica.git'], own)
    await followed.prints('"amount":2')
    const { code, stderr } = await memoir(['-C', 'replica.git', 'accept-rewrite'], own)
    expect(code).toBe(1)
    expect(stderr).toContain('open')
    followed.child.kill('SIGINT')
    await followed.ended
  })
})
