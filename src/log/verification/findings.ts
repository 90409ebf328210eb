import { messageOf } from '../../event/errors.ts'
import {
  ManifestError,
  NewerFormatError,
  ObjectCorruptError,
  ObjectMissingError,
  ObjectTooLargeError,
} from '../../repository/errors.ts'
import { GitFailedError } from '../../repository/git-process-errors.ts'

/** How grave each finding is. An error breaks a promise of the log; a warning is untidy, or worth knowing. */
const SEVERITIES = {
  'object-missing': 'error',
  'object-corrupt': 'error',
  'object-too-large': 'error',
  'merge-commit': 'error',
  'shallow-history': 'warning',
  'trailers-mismatch': 'error',
  'fold-mismatch': 'error',
  'history-changed': 'error',
  'not-a-log': 'error',
  'manifest-invalid': 'error',
  'newer-format': 'error',
  'log-id-changed': 'error',
  'unexpected-entry': 'error',
  'position-gap': 'error',
  'position-overlap': 'error',
  'empty-batch': 'error',
  'batch-too-large': 'warning',
  'not-utf8': 'error',
  'byte-order-mark': 'error',
  crlf: 'error',
  'blank-line': 'error',
  'no-final-line-feed': 'error',
  'invalid-json': 'error',
  'invalid-event': 'error',
  'invalid-yaml': 'error',
  'not-canonical': 'warning',
  'version-mismatch': 'error',
  'time-backwards': 'error',
  'duplicate-id': 'error',
} as const

/** What a finding is about: stable, and documented in docs/verify.md. */
export type FindingCode = keyof typeof SEVERITIES

/** Something that is not as the format promises. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: FindingCode
  /** What was found and what was expected, without the data of any event. */
  readonly message: string
  /** Path in the tree of the log. */
  readonly file?: string
  /** Line in the file, from 1. */
  readonly line?: number
  /** Position of the event. */
  readonly position?: number
  /** The commit that shows it first. Absent for what the end of the branch holds. */
  readonly commit?: string
}

/** A thousand findings of one kind say what ten thousand say, and fit into memory. */
const MOST_OF_A_KIND = 1000

/** Collects findings, each once: what a commit brings stays in the tree of those after it. */
export class Findings {
  private readonly list: Finding[] = []
  private readonly known = new Set<string>()
  private readonly counts = new Map<FindingCode, number>()

  add(finding: Omit<Finding, 'severity'>): void {
    const { code, message, file, line, position } = finding
    const key = JSON.stringify([code, message, file, line, position])
    if (this.known.has(key)) return
    const count = (this.counts.get(code) ?? 0) + 1
    this.counts.set(code, count)
    if (count > MOST_OF_A_KIND) return
    this.known.add(key)
    this.list.push({ severity: SEVERITIES[code], ...finding })
  }

  /**
   * Adds what reading something told about it.
   *
   * @throws the error itself when it is not about what was read: an aborted signal, a missing git
   */
  addProblem(error: unknown, place: Pick<Finding, 'file' | 'commit'>): void {
    const code = codeOf(error)
    if (code === undefined) throw error
    this.add({ code, message: messageOf(error), ...place })
  }

  /** All findings, in the order in which they were made. */
  all(): readonly Finding[] {
    const rest = [...this.counts].flatMap(([code, count]): Finding[] => {
      if (count <= MOST_OF_A_KIND) return []
      const message = `${count - MOST_OF_A_KIND} more findings of this kind are not listed`
      return [{ severity: SEVERITIES[code], code, message }]
    })
    return [...this.list, ...rest]
  }
}

function codeOf(error: unknown): FindingCode | undefined {
  if (error instanceof ObjectMissingError) return 'object-missing'
  if (error instanceof ObjectTooLargeError) return 'object-too-large'
  // Some damage to a pack makes git give up without naming an object.
  if (error instanceof ObjectCorruptError || error instanceof GitFailedError) return 'object-corrupt'
  if (error instanceof NewerFormatError) return 'newer-format'
  if (error instanceof ManifestError) return 'manifest-invalid'
  return undefined
}
