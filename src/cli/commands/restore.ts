import { UsageError } from '../../event/errors.ts'
import type { TransferProgress } from '../../repository/transfer-progress.ts'
import type { RestoreResult } from '../../restore.ts'
import { argument, command, flag, json, option } from '../command.ts'
import type { Context } from '../context.ts'
import { parsePoint } from '../input-values.ts'
import { countOf, formatBytes } from '../number-text.ts'
import { printable } from '../terminal-text.ts'

export const restore = command({
  inputs: {
    folder: argument('folder', 'where `memoir backup` wrote to'),
    path: argument('path', 'a new or empty folder for the log'),
    at: option(
      '--at <point>',
      "the log as of a position (42), a commit's full id, or a date (2026-11-01)",
      parsePoint,
    ),
    dryRun: flag('--dry-run', 'check everything and say what would be restored; leave nothing'),
    follow: flag('--follow', 'go on with what the backup gets, until Ctrl-C: a warm standby'),
    json,
  },
  examples: [
    { run: 'memoir restore ../bank-backup restored.git', text: 'the whole log' },
    { run: 'memoir restore ../bank-backup restored.git --at 2026-11-01', text: 'as it was on that day' },
    { run: 'memoir restore ../bank-backup restored.git --dry-run', text: 'is the backup any good?' },
  ],
  notes: `All of the backup that is needed is checked before anything counts as restored. A commit is restored
whole or not at all: --at with a position in its midst gives the commit before it.`,
  namesFolder: true,
  async run({ folder, path, at, dryRun, follow, json }, context) {
    if (follow) {
      if (at !== undefined || dryRun) throw new UsageError('--follow goes with neither --at nor --dry-run')
      return followFolder(folder, path, json, context)
    }
    const { restore } = await import('../../restore.ts')
    using work = showWork(context)
    const result = await restore(folder, path, {
      ...work.options,
      dryRun,
      ...(at !== undefined && { at }),
    })
    if (json) return context.output.json({ ...result, dryRun })
    if (typeof at === 'number' && result.position < at) {
      context.messages.say(`Position ${at} is in the midst of a commit: this is the one before it.`)
    }
    await context.output.line(restoredLine(dryRun ? 'Would restore' : 'Restored', result))
  },
})

async function followFolder(folder: string, path: string, json: boolean, context: Context): Promise<void> {
  const { standby } = await import('../../restore.ts')
  const { output, messages, signal } = context
  using work = showWork(context)
  let problem = ''
  const print = async (result: object, line: string) => {
    problem = ''
    await (json ? output.json(result) : output.line(line))
    await output.flush()
  }
  // One line after the other; one that cannot be written ends the command through its signal.
  let printed = Promise.resolve()
  const printNext = (result: object, line: string) => {
    printed = printed.then(() => print(result, line)).catch(() => undefined)
  }
  await standby(folder, path, {
    ...work.options,
    onRestored: (result) => printNext(result, restoredLine('Restored', result)),
    onStep: (step) =>
      printNext(
        step,
        `Took in ${countOf(step.to - step.from, 'event')}, position ${step.to}, from ${step.bundle}`,
      ),
    onProblem: ({ message }) => {
      if (message !== problem) messages.warn(`Waiting: ${message}`)
      problem = message
    },
  })
  await printed
  signal.throwIfAborted()
}

/** What a restore is given: the signal that ends it, and one place to show how far its parts are. */
function showWork({ messages, signal }: Context) {
  const progress = messages.progress('Restoring')
  const onTransfer = ({ phase, done, total }: TransferProgress) =>
    progress.update({ done, total, label: phase })
  const onProgress = (done: number, total: number) => {
    signal.throwIfAborted()
    progress.update({ done, total, unit: 'events', label: 'Checking' })
  }
  return {
    options: { signal, onTransfer, onProgress },
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  }
}

function restoredLine(done: string, { path, position, time, commit, bundles, bytes }: RestoreResult): string {
  const last = time === undefined ? '' : `, the last of ${time}`
  const from = `${countOf(bundles.length, 'bundle')} (${formatBytes(bytes)})`
  return `${done} into ${printable(path)}: ${countOf(position, 'event')}${last}, commit ${commit.slice(0, 12)}, from ${from}`
}
