/** Why a commit is on the branch of a log. */
export type CommitKind = (typeof COMMIT_KINDS)[number]

const COMMIT_KINDS = ['append', 'fold', 'init'] as const

/** What the trailers of a commit message say: enough to check contiguity from `git log` alone. */
export interface CommitTrailers {
  readonly kind: CommitKind
  /** Position of the first event that the commit adds, or folds. */
  readonly first: number
  /** How many events it adds, or folds. */
  readonly count: number
}

export interface CommitSummary extends CommitTrailers {
  /** The streams that were appended to. */
  readonly streams: readonly string[]
}

/** A message whose subject a person understands, and whose trailers a program does. */
export function commitMessage(summary: CommitSummary): string {
  const trailers = [
    `Memoir-Kind: ${summary.kind}`,
    `Memoir-First: ${summary.first}`,
    `Memoir-Count: ${summary.count}`,
  ]
  return `${subject(summary)}\n\n${trailers.join('\n')}\n`
}

/** What a message says in its last paragraph, or undefined if no commit of ours would say that. */
export function parseTrailers(message: string): CommitTrailers | undefined {
  const paragraph = message.trimEnd().split('\n\n').at(-1) ?? ''
  const named = onlyValue(paragraph, /^Memoir-Kind: (\w+)$/gm)
  const kind = COMMIT_KINDS.find((known) => known === named)
  const first = onlyValue(paragraph, /^Memoir-First: (\d{1,12})$/gm)
  const count = onlyValue(paragraph, /^Memoir-Count: (\d{1,12})$/gm)
  if (kind === undefined || first === undefined || count === undefined) return undefined
  return { kind, first: Number(first), count: Number(count) }
}

/** A trailer that stands there twice says nothing. */
function onlyValue(text: string, pattern: RegExp): string | undefined {
  const values = [...text.matchAll(pattern)]
  return values.length === 1 ? values[0]?.[1] : undefined
}

function subject({ kind, first, count, streams }: CommitSummary): string {
  const events = count === 1 ? '1 event' : `${count} events`
  const range = count === 1 ? `${first}` : `${first}..${first + count - 1}`
  switch (kind) {
    case 'init':
      return 'Start the log'
    case 'fold':
      return `Fold ${events} into larger files (${range})`
    case 'append':
      return `Append ${events} to ${target(streams)} (${range})`
  }
}

/** Users choose the names of streams: one that might break a line or flood the subject is only counted. */
function target(streams: readonly string[]): string {
  const [only = ''] = streams
  if (streams.length === 1) return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]{1,60}$/u.test(only) ? only : '1 stream'
  return `${streams.length} streams`
}
