import { type Finding, verifyLog } from '../../log/verification/verification.ts'
import { openReader } from '../../repository/open-reader.ts'
import { GitRunner } from '../../repository/runner.ts'
import { command, json } from '../command.ts'
import { ExitCode } from '../exit-code.ts'
import { countOf } from '../number-text.ts'
import { getLogRepository } from '../opening.ts'
import { printable } from '../terminal-text.ts'

export const verify = command({
  inputs: { json },
  examples: [
    { run: 'memoir verify', text: 'check hashes, positions, versions, messages and folds' },
    { run: 'memoir verify --json', text: 'the findings for programs' },
  ],
  notes: 'Also verifies a log that is too damaged to be opened. With errors, the exit code is 5.',
  async run({ json }, context) {
    const { output, messages, signal } = context
    const { repository, commit } = await getLogRepository(context)
    await using runner = new GitRunner({ repository })
    await using reader = await openReader({ gitDirectory: repository.gitDirectory, runner })
    using progress = messages.progress('Verifying')
    const verification = await verifyLog({
      reader,
      repository,
      branch: { commit },
      signal,
      onProgress: (done, total) => progress.update({ done, total }),
    })
    const { isSound, findings, events, commits } = verification
    if (json) await output.json(verification)
    else {
      await output.lines(findings.flatMap(findingLines))
      const errors = findings.filter(({ severity }) => severity === 'error').length
      await output.line(
        `${isSound ? 'Sound' : 'Damaged'}: ${countOf(events, 'event')} in ${countOf(commits, 'commit')}, ${countOf(errors, 'error')}, ${countOf(findings.length - errors, 'warning')}`,
      )
    }
    return isSound ? ExitCode.done : ExitCode.corrupt
  },
})

/** A finding, and where it is. */
function findingLines({ severity, code, message, file, line, position, commit }: Finding): string[] {
  const places = [
    file !== undefined && (line === undefined ? file : `${file}, line ${line}`),
    position !== undefined && `position ${position}`,
    commit !== undefined && `commit ${commit.slice(0, 12)}`,
  ].filter((place) => place !== false)
  const head = `${severity}  ${code}: ${printable(message)}`
  return places.length === 0 ? [head] : [head, `         ${printable(places.join(', '))}`]
}
