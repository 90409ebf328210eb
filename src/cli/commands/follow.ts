import { UsageError } from '../../event/errors.ts'
import type { Notice } from '../../log/log-state.ts'
import type { Replica } from '../../replica.ts'
import { argument, command, flag, json, optionalArgument } from '../command.ts'
import type { Context } from '../context.ts'
import { findTailStart, linesInput, printTail } from '../event-tail.ts'
import { warnOf } from '../notice-text.ts'
import { filterInputs } from '../reading-inputs.ts'
import { replicaLine } from '../replica-text.ts'
import { showTransfer } from '../transfer.ts'
import { withoutAbsent } from '../without-absent.ts'

export const follow = command({
  inputs: {
    remote: argument('remote', 'https://, ssh://, user@host:path, or the path of a folder'),
    path: optionalArgument('path', 'the replica, made if need be (default: the last part of the address)'),
    lines: linesInput,
    status: flag('--status', 'print how the replica stands, whenever that changes, instead of events'),
    ...filterInputs,
    json,
  },
  examples: [
    { run: 'memoir follow ../backup.git replica.git', text: 'a replica, and all events that come' },
    { run: 'memoir follow ../backup.git replica.git --json', text: 'a feed of them for a program' },
  ],
  notes:
    'Ctrl-C ends it, with exit code 130; SIGHUP makes it look at the remote now. What comes is checked before it is taken in. What the remote has rewritten is not: see memoir accept-rewrite.',
  namesFolder: true,
  async run({ remote, path, lines, status, json, ...filter }, context) {
    if (status) refuseChoice({ lines, type: filter.types, prefix: filter.prefix, tag: filter.tags })
    const { output, messages, signal } = context
    const { follow } = await import('../../follow.ts')
    const changes = new Changes()
    const open = async () => {
      using transfer = showTransfer('Fetching', context)
      return await follow(remote, path, {
        signal,
        onTransfer: transfer.onProgress,
        onProgress: () => signal.throwIfAborted(),
        onNotice: (notice) => {
          warnOf(notice, messages)
          changes.add(notice)
        },
      })
    }
    // Also while it is being opened, where it would end the program.
    let opened: Replica | undefined
    using _ = context.onHangUp(() => opened?.poke())
    await using replica = await open()
    opened = replica
    if (status) return await printStatus(replica, changes, json, context)
    const options = withoutAbsent({ ...filter, signal })
    const start = await findTailStart(replica, options, lines)
    await printTail(replica, options, start, json, output)
  },
})

/** What chooses events means nothing where none is printed. */
function refuseChoice(choice: Readonly<Record<string, unknown>>): void {
  const [name] = Object.entries(choice).find(([, value]) => value !== undefined) ?? []
  if (name !== undefined) throw new UsageError(`--${name} goes without --status, which prints no events`)
}

async function printStatus(
  replica: Replica,
  changes: Changes,
  json: boolean,
  { output, signal }: Context,
): Promise<void> {
  for (;;) {
    const { path, commit, events, replica: state } = replica.status()
    await (json ? output.json({ path, commit, events, ...state }) : output.line(replicaLine(events, state)))
    await output.flush()
    await changes.next(signal)
    // What changes is told in the midst of a look, which then comes to its end within this turn.
    await new Promise(setImmediate)
  }
}

/** What has been told and not been taken note of. */
class Changes {
  private hasNew = false
  private wake: () => void = () => undefined

  add({ kind }: Notice): void {
    if (!CHANGES.has(kind)) return
    this.hasNew = true
    this.wake()
  }

  async next(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      // A timer keeps the program running, which a promise does not.
      const timer = setInterval(() => undefined, 1 << 30)
      const end = (settle: () => void) => {
        clearInterval(timer)
        signal.removeEventListener('abort', abort)
        settle()
      }
      const abort = () => end(() => reject(signal.reason))
      signal.addEventListener('abort', abort)
      this.wake = () => end(resolve)
      if (this.hasNew) this.wake()
    })
    this.hasNew = false
  }
}

const CHANGES: ReadonlySet<Notice['kind']> = new Set([
  'adopted',
  'rewritten',
  'remote-back',
  'remote-failed',
  'remote-refused',
])
