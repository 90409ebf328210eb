import { toAilment } from '../../log/diagnosis/ailment.ts'
import { type Ailment, diagnose, type MovedEvent, treat } from '../../log/diagnosis/diagnosis.ts'
import { errorCode, fileError } from '../../repository/durable-file.ts'
import { findRepositoryUpwards } from '../../repository/location.ts'
import { nodeFileSystem } from '../../system/file-system.ts'
import { command, flag, json } from '../command.ts'
import type { Context } from '../context.ts'
import { ExitCode, findExitCode } from '../exit-code.ts'
import { countOf } from '../number-text.ts'
import { printable } from '../terminal-text.ts'

/** Something that was found, and what was done about it, or why that failed. */
interface Examined {
  readonly ailment: Ailment
  readonly treatment?: { readonly message: string; readonly moved: readonly MovedEvent[] }
  readonly failure?: Pick<Ailment, 'code' | 'message' | 'remedy'>
}

export const doctor = command({
  inputs: {
    fix: flag('--fix', 'do what it says it would do'),
    json,
  },
  examples: [
    { run: 'memoir doctor', text: 'what is wrong, and what can be done about it; changes nothing' },
    { run: 'memoir doctor --fix', text: 'mend what can be mended without losing an event' },
  ],
  notes: `Looks for locks that were left behind, a torn or damaged journal, events that were never committed, a
missing git, and permissions, and whether the log can be opened. memoir verify checks what it holds. With an error that stays, the exit code is 1, or 5 for damage.`,
  async run({ fix, json }, context) {
    const { output, signal } = context
    const path = await findFolder(context)
    const examined: Examined[] = []
    for (const ailment of await examine(path, signal)) {
      signal.throwIfAborted()
      examined.push(fix && ailment.canFix ? await mend(ailment, path) : { ailment })
    }
    // A treatment may bring to light what stood behind the ailment.
    const left = fix ? await examine(path, signal) : examined.map(({ ailment }) => ailment)
    if (json) await output.json({ path, found: examined.map(plain), left })
    else {
      await output.lines(examined.flatMap(examinedLines))
      await output.line(summary(left, fix))
    }
    const hasFailed = examined.some(({ failure }) => failure !== undefined)
    return exitCodeOf(left) || (hasFailed ? ExitCode.failed : ExitCode.done)
  },
})

/** What cannot be mended keeps nothing else from it, nor what was done from being told. */
async function mend(ailment: Ailment, path: string): Promise<Examined> {
  try {
    return { ailment, treatment: await treat(ailment, { path }) }
  } catch (error) {
    const cause = errorCode(error) === undefined ? error : fileError(ailment.path ?? path, error)
    const { code, message, remedy } = toAilment(cause)
    return { ailment, failure: { code, message, remedy } }
  }
}

/** Everything that keeps the log from working. Where nothing else does, it may be what the log holds. */
async function examine(path: string, signal: AbortSignal): Promise<readonly Ailment[]> {
  const found = await diagnose({ path })
  if (found.some(({ severity }) => severity === 'error')) return found
  const isOld = found.some(({ code }) => code === 'git-too-old')
  try {
    const { open } = await import('../../memoir.ts')
    const log = await open(path, {
      readOnly: true,
      watch: false,
      onProgress: () => signal.throwIfAborted(),
      ...(isOld && { engine: 'isomorphic' }),
    })
    await log.close()
    return found
  } catch (error) {
    signal.throwIfAborted()
    return [...found, toAilment(error)]
  }
}

/** Also where the repository cannot be opened: that is what the doctor is for. */
async function findFolder({ folder }: Context): Promise<string> {
  if (folder !== undefined) return folder
  const here = process.cwd()
  const found = await findRepositoryUpwards(here, nodeFileSystem).catch(() => undefined)
  return found?.path ?? here
}

function plain({ ailment, treatment, failure }: Examined): unknown {
  return { ...ailment, ...(treatment && { treatment }), ...(failure && { failure }) }
}

function examinedLines({ ailment, treatment, failure }: Examined): string[] {
  const { severity, code, message, remedy, canFix } = ailment
  const head = `${severity}  ${code}: ${printable(message)}`
  if (failure !== undefined) {
    return [head, `    failed: ${printable(failure.message)}`, `    to do: ${printable(failure.remedy)}`]
  }
  const label = treatment !== undefined ? 'done' : canFix ? '--fix' : 'to do'
  const lines = [head, `    ${label}: ${printable(treatment?.message ?? remedy)}`]
  const moved = treatment?.moved ?? []
  return [...lines, ...moved.map(({ id, from, to }) => `    moved: ${printable(id)} from ${from} to ${to}`)]
}

function summary(left: readonly Ailment[], fixed: boolean): string {
  const count = (severity: Ailment['severity']) => left.filter((one) => one.severity === severity).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return fixed ? 'All is well now.' : 'All is well.'
  const mendable = left.some(({ canFix }) => canFix) && !fixed ? ' Mend with: memoir doctor --fix' : ''
  return `${countOf(errors, 'error')}, ${countOf(warnings, 'warning')}.${mendable}`
}

function exitCodeOf(left: readonly Ailment[]): ExitCode {
  const errors = left.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return ExitCode.done
  const isCorrupt = errors.some(({ code }) => findExitCode(code) === ExitCode.corrupt)
  return isCorrupt ? ExitCode.corrupt : ExitCode.failed
}
