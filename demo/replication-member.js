// One member of demo/replication.js: a writer or a replica that does what it is asked for, one task at a time.
import { follow, open, projection } from 'memoir'

const ACCOUNTS = ['account-1', 'account-2', 'account-3']
const [role, remote, path] = process.argv.slice(2)

const balances = projection({
  name: 'balances',
  version: 1,
  init: () => new Map(),
  when: {
    MoneyDeposited(state, { stream, data }) {
      state.set(stream, (state.get(stream) ?? 0) + data.amount)
    },
  },
})

let log
const projections = [balances]
const tasks = {
  async open() {
    const poll = { fastestMs: 100, slowestMs: 500 }
    log =
      role === 'writer'
        ? await open(path, { remote, projections, mode: 'shared', shared: { fetchMs: 200 } })
        : await follow(remote, path, { projections, poll, stateDirectory: `${path} state` })
  },
  /** Deposits so many times, four at a time. An append is in the log when the remote has it. */
  async append(count) {
    const amounts = Array.from({ length: count }, (_, number) => number + 1)
    while (amounts.length > 0) {
      const some = amounts.splice(0, 4)
      await Promise.all(
        some.map((amount) =>
          log.append(ACCOUNTS[amount % 3], [{ type: 'MoneyDeposited', data: { amount } }]),
        ),
      )
    }
  },
  reach: (position) => log.waitFor(position, { signal: AbortSignal.timeout(30_000) }),
  /** Resolves once the replica has noticed that its remote is out of reach. */
  async notice() {
    await log.pull().catch(() => undefined)
  },
  status() {
    const { events, positions, replica } = log.status()
    const problem = replica?.problem === undefined ? '' : '; its remote does not answer'
    return `position ${positions.image} of ${events}, ${image()}${problem}`
  },
  image,
  close: () => log.close(),
}

function image() {
  return ACCOUNTS.map((account) => `${account} ${log.state(balances).get(account) ?? 0}`).join(', ')
}

process.on('message', async ({ id, task, argument }) => {
  try {
    process.send({ id, result: await tasks[task](argument) })
  } catch (error) {
    process.send({ id, error: error.message })
  }
})
