import type { Proposal } from '../../log/draft.ts'
import type { WaitingAppend } from './waiting-append.ts'

/** What is on its way to the remote. */
export class UnderWay {
  proposal: Proposal | undefined

  get isEmpty(): boolean {
    return this.proposal === undefined
  }

  holds({ placement }: WaitingAppend): boolean {
    return placement !== undefined && (this.proposal?.placements.includes(placement) ?? false)
  }
}
