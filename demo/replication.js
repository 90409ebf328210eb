// Five copies of one log, each in a process of its own: a remote, two writers, two replicas. The cable of one
// replica is pulled while the writers go on, and plugged in again. At the end all images are compared.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'memoir'

const member = fileURLToPath(new URL('replication-member.js', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'memoir-replication-'))
const remote = join(folder, 'remote.git')
const started = performance.now()
const members = []

try {
  await run()
} finally {
  for (const { child } of members) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}

async function run() {
  heading('A remote: a Git repository as any host gives you, with a new log pushed to it')
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  const first = await open(join(folder, 'first.git'))
  await first.push(remote)
  await first.close()

  heading('Two writers and two replicas, each with a copy of its own and its state in memory')
  const writer1 = await enrol('writer 1', 'writer')
  const writer2 = await enrol('writer 2', 'writer')
  await Promise.all([writer1.ask('append', 20), writer2.ask('append', 20)])
  say('Both writers append 20 deposits at the same time, to the same 3 accounts.')
  const replica1 = await enrol('replica 1', 'replica')
  const replica2 = await enrol('replica 2', 'replica')
  await reach([writer1, writer2, replica1, replica2], 40)
  await show()

  heading('Pull the network from replica 2; the writers go on')
  await unlink(replica2.cable)
  await Promise.all([writer1.ask('append', 20), writer2.ask('append', 20)])
  await reach([writer1, writer2, replica1], 80)
  await replica2.ask('notice')
  await show()
  say('Replica 2 still answers from its memory, and knows that it may be behind.')

  heading('Plug it in again')
  await symlink(remote, replica2.cable)
  const begun = performance.now()
  await reach([replica2], 80)
  say(`Replica 2 caught up on 40 events ${Math.round(performance.now() - begun)} ms after.`)
  await show()

  heading('Compare')
  const images = await Promise.all(members.map(({ ask }) => ask('image')))
  const isEqual = images.every((image) => image === images[0])
  say(isEqual ? `All 4 images are equal: ${images[0]}` : `The images DIFFER:\n${images.join('\n')}`)
  if (!isEqual) process.exitCode = 1
  await Promise.all(members.map(({ leave }) => leave()))
  say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}

/** Starts a member in a process of its own; its cable to the remote is a link that can be taken away. */
async function enrol(name, role) {
  const cable = join(folder, `cable of ${name}`)
  await symlink(remote, cable)
  const child = fork(member, [role, cable, join(folder, `${name}.git`)])
  let last = 0
  const waiting = new Map()
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(result)
    else reject(new Error(`${name}: ${error}`))
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended with ${code}`))
  })
  const ask = (task, argument) =>
    new Promise((resolve, reject) => {
      last++
      waiting.set(last, { resolve, reject })
      child.send({ id: last, task, argument })
    })
  const leave = async () => {
    const ended = once(child, 'exit')
    await ask('close')
    child.disconnect()
    await ended
  }
  const joined = { name, cable, child, ask, leave }
  members.push(joined)
  await ask('open')
  return joined
}

function reach(those, position) {
  return Promise.all(those.map(({ ask }) => ask('reach', position)))
}

/** One line for each member. */
async function show() {
  for (const { name, ask } of members) say(`  ${name.padEnd(10)} ${await ask('status')}`)
}

function heading(text) {
  console.log(`\n${text}`)
}

function say(text) {
  console.log(text)
}
