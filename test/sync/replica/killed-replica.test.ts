import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { start } from '../../cli/program.ts'
import { fsck, git } from '../../repository/real-git.ts'
import { BY_HAND, balances, depositTo, Scene } from './replica-fixture.ts'

const KILLS = 12
/** The longest that a replica lives, in milliseconds: it takes some 400 to start, and 100 for each fetch. */
const LONGEST_LIFE = 1200

test(`a replica that is killed ${KILLS} times at random moments holds a prefix of the log, and catches up`, async () => {
  const scene = new Scene()
  await scene.deposit(1)
  await using writer = await open(scene.remote, { projections: [balances] })
  const env = { XDG_STATE_HOME: join(scene.folder, 'xdg') }
  for (let kill = 0; kill < KILLS; kill++) {
    const { child, ended } = start(['follow', scene.remote, scene.path, '--status'], { env })
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * LONGEST_LIFE)
    let isRunning = true
    const end = ended.finally(() => {
      isRunning = false
    })
    while (isRunning) await depositTo(writer, 1)
    clearTimeout(timer)
    expect(await end).toMatchObject({ code: null })
    if (!existsSync(join(scene.path, 'refs/heads/main'))) continue
    // Its branch is a commit of the remote's, with all that it holds.
    git(scene.remote, ['merge-base', '--is-ancestor', scene.head(scene.path), 'main'])
    expect(fsck(scene.path)).toBe('')
  }
  const stateDirectory = join(env.XDG_STATE_HOME, 'memoir')
  const replica = await scene.follow({ ...BY_HAND, stateDirectory })
  await replica.pull()
  expect(replica.state(balances)).toEqual(writer.state(balances))
  expect(replica.status().commit).toBe(writer.status().commit)
}, 90_000)
