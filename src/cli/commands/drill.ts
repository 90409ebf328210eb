import { UsageError } from '../../event/errors.ts'
import { DEFAULT_REMOTE } from '../../repository/remote-address.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import { ExitCode } from '../exit-code.ts'
import { countOf } from '../number-text.ts'
import { openForReading } from '../opening.ts'
import { loadProjections } from '../projection-module.ts'
import { printable } from '../terminal-text.ts'
import { showTransfer } from '../transfer.ts'

export const drill = command({
  inputs: {
    source: optionalArgument(
      'source',
      `name or address of a remote, or the folder of a backup (default: ${DEFAULT_REMOTE})`,
    ),
    projections: option(
      '--projections <module>',
      'also compare the states of the projections that it exports',
    ),
    json,
  },
  examples: [
    { run: 'memoir drill --projections projections.mjs', text: `restore ${DEFAULT_REMOTE}, and compare` },
    { run: 'memoir drill ../bank-backup', text: 'restore the backup, and compare its events' },
  ],
  notes: `A backup that was never restored is none. Restores into a temporary place, rebuilds the image there, and
compares it with this one; then removes it. The exit code is 5 when anything differs, and 1 when a projection stopped
at the same event in both, so that its state could not be compared. MEMOIR_PROJECTIONS names the module where
--projections does not.`,
  async run({ source, projections: given, json }, context) {
    const { output, messages } = context
    if (given === '') throw new UsageError('--projections needs the path of a module, not ""')
    const module = given ?? process.env.MEMOIR_PROJECTIONS ?? ''
    const projections = module === '' ? [] : await loadProjections(module, context.signal)
    await using log = await openForReading(context, { projections })
    using transfer = showTransfer('Restoring', context)
    using replaying = messages.progress('Rebuilding')
    const { signal, onProgress } = transfer
    const result = await log.drill(source, {
      signal,
      onProgress,
      onReplayed: (done, total) => replaying.update({ done, total, unit: 'events' }),
    })
    const { isEqual, differences, notCompared, kind, position, behind, seconds } = result
    if (json) await output.json(result)
    else {
      await output.lines(differences.map(({ message }) => `differs  ${printable(message)}`))
      await output.lines(notCompared.map(({ message }) => `not compared  ${printable(message)}`))
      const compared = [countOf(position, 'event'), countOf(result.projections.length, 'projection')].join(
        ' and ',
      )
      const age =
        behind.events === 0
          ? 'nothing is missing'
          : `${countOf(behind.events, 'event')} missing, the oldest for ${countOf(behind.seconds, 'second')}`
      const verdict = isEqual ? 'Equal' : differences.length > 0 ? 'Different' : 'Not all compared'
      await output.line(
        `${verdict}: ${kind} ${printable(result.source)}, ${compared}; ${age}; restored in ${seconds.toFixed(1)} s`,
      )
    }
    if (differences.length > 0) return ExitCode.corrupt
    return isEqual ? ExitCode.done : ExitCode.failed
  },
})
