import type { TransferProgress } from '../repository/transfer-progress.ts'
import type { Context } from './context.ts'

/** What a transfer is given: the signal that ends it, and a place to show how far it is. */
export interface Transfer extends Disposable {
  readonly signal: AbortSignal
  readonly onProgress: (progress: TransferProgress) => void
}

/** Shows how far a transfer is until it is disposed. */
export function showTransfer(label: string, { messages, signal }: Context): Transfer {
  const progress = messages.progress(label)
  return {
    signal,
    onProgress: ({ phase, done, total }) => progress.update({ done, total, label: phase }),
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  }
}
