import type { ExitCode } from './exit-code.ts'
import type { Messages } from './messages.ts'
import type { Output } from './output.ts'

/** What every command is given beside its own arguments and options. */
export interface Context {
  /** The folder that -C names; undefined for the current one, from which a repository is looked for upwards. */
  readonly folder: string | undefined
  readonly output: Output
  readonly messages: Messages
  /** Lets an error be told with all that is known of it. */
  readonly debug: () => void
  /** Aborted when the user or the system ends the program. */
  readonly signal: AbortSignal
  /** Says that the command, once it is told to end, may need so many milliseconds more than others. */
  readonly allowLonger: (ms: number) => void
  /** Until it is disposed, SIGHUP does this, and does not end the command. */
  readonly onHangUp: (task: () => void) => Disposable
  /** The point in time that is asked about, given by `memoir at`. */
  readonly at: string | undefined
  /** Runs another command line in this context. */
  readonly run: (words: readonly string[], context: Context) => Promise<ExitCode>
}
