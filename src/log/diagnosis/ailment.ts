import { MemoirError } from '../../event/errors.ts'
import { findGitVersion } from '../../repository/runner.ts'
import { type AccessProbe, nodeAccess } from '../../system/access.ts'
import { type Clock, systemClock } from '../../system/clock.ts'
import { type FileSystem, nodeFileSystem } from '../../system/file-system.ts'
import { type RandomSource, systemRandom } from '../../system/random.ts'

/** Something about a log, its repository or this machine that a user has to know of, or can have mended. */
export interface Ailment {
  /** Stable, and documented in docs/doctor.md. */
  readonly code: string
  /** `error`: the log cannot be opened for writing, or an event is in danger. `info`: mends itself. */
  readonly severity: 'error' | 'warning' | 'info'
  /** What was found, and where. */
  readonly message: string
  /** What `treat` would do; where it cannot, what the user has to do. */
  readonly remedy: string
  readonly canFix: boolean
  /** The file or folder it is about. */
  readonly path?: string
}

/** An event that was appended anew: its place in the journal, and the one in the log. */
export interface MovedEvent {
  readonly id: string
  readonly from: number
  readonly to: number
}

/** What was done about an ailment. */
export interface Treatment {
  readonly message: string
  /** Events that got another position, in order. */
  readonly moved: readonly MovedEvent[]
}

export interface DoctorOptions {
  /** The repository: a bare one, or a folder with a `.git`. */
  readonly path: string
  readonly fileSystem?: FileSystem
  readonly clock?: Clock
  readonly random?: RandomSource
  /** Author of the commits that a treatment makes. Default `Memoir <memoir@localhost>`. */
  readonly author?: { readonly name: string; readonly email: string }
  /** Whether this process may read or write a path. Default: asks the operating system. */
  readonly access?: AccessProbe
  /** The version of git, or undefined where there is none. Default: asks git. */
  readonly findGit?: () => Promise<string | undefined>
}

/** The options with their defaults. */
export type Doctor = Required<DoctorOptions>

export function withDefaults(options: DoctorOptions): Doctor {
  return {
    fileSystem: nodeFileSystem,
    clock: systemClock,
    random: systemRandom,
    author: { name: 'Memoir', email: 'memoir@localhost' },
    access: nodeAccess,
    findGit: findGitVersion,
    ...options,
  }
}

/**
 * An error that says what is wrong, as an ailment: its own code and hint.
 *
 * @throws what is no error of ours: a mistake in the code, or of the system
 */
export function toAilment(error: unknown, path?: string): Ailment {
  if (!(error instanceof MemoirError)) throw error
  const { code, message, hint = 'See the documentation of this code.' } = error
  return {
    code,
    severity: 'error',
    message,
    remedy: hint,
    canFix: false,
    ...(path !== undefined && { path }),
  }
}
