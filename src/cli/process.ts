import { describeError, unfoldError } from './error-report.ts'
import { OutputClosedError, OutputFailedError } from './errors.ts'
import { type ExitCode, exitCodeOf } from './exit-code.ts'
import { Interruption } from './interruption.ts'
import { Messages } from './messages.ts'
import { Output } from './output.ts'
import { runProgram } from './program.ts'
import { checkTyped } from './typed-words.ts'

/** A handle that something left open, such as a module of projections, may hold the process up so long. */
const LINGER_MS = 1000
/** How long a command that was told to end waits for whoever reads what it prints: it has a log to close. */
const READER_MS = 1000

/** Runs a command line in this process: its streams, its signals, its exit code. */
export async function runProcess(words: readonly string[]): Promise<void> {
  using interruption = new Interruption()
  process.exitCode = await runWords(words, interruption)
  setTimeout(() => process.exit(), LINGER_MS).unref()
}

async function runWords(words: readonly string[], interruption: Interruption): Promise<ExitCode> {
  let isDebugging = process.env.MEMOIR_DEBUG === '1'
  const output = new Output(process.stdout, (reason) => interruption.outputEnded(reason))
  const messages = new Messages(process.stderr)
  const { signal } = interruption
  signal.addEventListener('abort', () => {
    setTimeout(() => output.giveUp(signal.reason), READER_MS).unref()
  })
  try {
    const allowLonger = (ms: number) => interruption.allowLonger(ms)
    const context = {
      folder: undefined,
      output,
      messages,
      debug: () => {
        isDebugging = true
      },
      signal,
      allowLonger,
      onHangUp: (task: () => void) => interruption.onHangUp(task),
      at: undefined,
      run: runProgram,
    }
    checkTyped(words)
    const exitCode = await runProgram(words, context)
    await output.flush()
    return exitCode
  } catch (thrown) {
    const errors: unknown[] = [...unfoldError(thrown)]
    await output.flush().catch(() => undefined)
    // Nobody else tells of it: what ended because of it fails in other words.
    if (signal.reason instanceof OutputFailedError) errors.unshift(signal.reason)
    for (const error of new Set(errors)) {
      // Whoever ended the program knows that it ended.
      if (!isConsequence(error, signal)) process.stderr.write(`${describeError(error, isDebugging)}\n`)
    }
    return exitCodeOf(signal.aborted ? signal.reason : errors[0])
  }
}

/** Whether an error only says that the program was told to end. */
function isConsequence(error: unknown, signal: AbortSignal): boolean {
  if (error instanceof OutputClosedError) return true
  if (error instanceof OutputFailedError) return false
  return (
    signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
  )
}
