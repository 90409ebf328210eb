import type { CommitTrailers } from '../../repository/commit-message.ts'

/** What a commit did to the events of a log, as its trees show it. */
export interface CommitEffect {
  readonly isFirst: boolean
  /** How many batch files it took out. */
  readonly removed: number
  /** How many it put in. */
  readonly added: number
  /** Position of the first event that it added or folded; undefined when it did neither. */
  readonly first: number | undefined
  /** How many events it added or folded; undefined when a file could not be read. */
  readonly count: number | undefined
  /** By how many events it made the log longer; undefined when that is not known. */
  readonly appended: number | undefined
}

/**
 * What is wrong with the trailers of a commit, compared with what it did. All rules for them; pure.
 *
 * @returns undefined when they are right
 */
export function findTrailersProblem(trailers: CommitTrailers, effect: CommitEffect): string | undefined {
  const { kind, first, count } = trailers
  switch (kind) {
    case 'init':
      if (!effect.isFirst) return 'Memoir-Kind is init, but it is not the first commit'
      if (effect.added > 0) return `Memoir-Kind is init, but it adds ${effect.added} batch files`
      return count === 0 ? undefined : `Memoir-Count is ${count}, but it adds no events`
    case 'append':
      if (effect.removed > 0) return `Memoir-Kind is append, but it replaces ${effect.removed} batch files`
      if (effect.added !== 1) return `Memoir-Kind is append, but it adds ${effect.added} batch files, not one`
      return findRangeProblem(first, count, effect, 'adds')
    case 'fold':
      if (effect.removed === 0) return 'Memoir-Kind is fold, but it replaces no batch file'
      if (effect.added > effect.removed) {
        return `Memoir-Kind is fold, but it puts ${effect.added} batch files in the place of ${effect.removed}`
      }
      if (effect.appended !== undefined && effect.appended > 0) {
        return `Memoir-Kind is fold, but it adds ${effect.appended} events`
      }
      return findRangeProblem(first, count, effect, 'folds')
  }
}

function findRangeProblem(
  first: number,
  count: number,
  effect: CommitEffect,
  verb: string,
): string | undefined {
  if (first !== effect.first) return `Memoir-First is ${first}, but it ${verb} events from ${effect.first} on`
  if (effect.count === undefined || count === effect.count) return undefined
  return `Memoir-Count is ${count}, but it ${verb} ${effect.count} events`
}
