import type { Notice } from '../log/log-state.ts'
import { AppendWithdrawnError } from '../sync/shared/pending.ts'
import type { Messages } from './messages.ts'

/** Says what a notice has to say to the person at the terminal. */
export function warnOf(notice: Notice, messages: Messages): void {
  const text = noticeText(notice)
  if (text !== undefined) messages.warn(text)
}

/** What a notice says to the person at the terminal; undefined for what is shown otherwise. */
export function noticeText(notice: Notice): string | undefined {
  switch (notice.kind) {
    case 'adopted':
      return undefined
    case 'rewritten':
      return `The history was rewritten: up to position ${notice.commonPosition} it is the same.`
    case 'unreadable-commit':
      return `Commit ${notice.commit} cannot be read: ${notice.error.message}`
    case 'projection-stopped':
      return `The projection "${notice.projection}" stopped at position ${notice.position}: ${notice.error.message}`
    case 'remote-back':
      return 'The remote answers again.'
    case 'conflict':
      // Whoever withdrew it knows.
      if (notice.error instanceof AppendWithdrawnError) return undefined
      return `Did not hold on the remote: ${notice.error.message}\n  hint: See: memoir conflicts`
    default:
      return notice.error.message
  }
}
