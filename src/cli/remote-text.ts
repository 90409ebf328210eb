import type { RemoteStatus } from '../sync/push/remote-status.ts'
import { countOf } from './number-text.ts'

/** What `status` says of a remote: where it is and what it lacks, then how the last pushes went. */
export function remoteText({ head, unpushed, pushedAt, error, nextTryAt }: RemoteStatus): string {
  return [
    head === undefined
      ? 'never seen'
      : `position ${head.position ?? 'unknown'} at ${head.commit}, ${unpushedText(unpushed)}`,
    ...(pushedAt === undefined ? [] : [`last push ${pushedAt}`]),
    ...(error === undefined ? [] : [`last error ${error.at} (${error.kind}): ${error.message}`]),
    ...(nextTryAt === undefined ? [] : [`next try ${nextTryAt}`]),
  ].join('; ')
}

function unpushedText(unpushed: RemoteStatus['unpushed']): string {
  if (unpushed === undefined) return 'what it lacks is not known'
  const { events, commits } = unpushed
  if (commits === 0) return 'lacks nothing'
  return `lacks ${countOf(events, 'event')} in ${countOf(commits, 'commit')}`
}
