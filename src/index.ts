export type { AppendOptions } from './append-call.ts'
export type { DrillOptions, DrillResult } from './drill.ts'
export type { AppendCondition, ExpectedVersion, Query, QueryItem } from './event/condition.ts'
export {
  AppendTooLargeError,
  ClockError,
  EventTooLargeError,
  InvalidEventError,
  InvalidStreamError,
  MemoirError,
  TimeBackwardsError,
  UsageError,
} from './event/errors.ts'
export type { Codec, Json, Metadata, NewEvent, RecordedEvent } from './event/event.ts'
export { InvalidBatchError } from './event/invalid-batch.ts'
export { InvalidDataError } from './event/json-value.ts'
export { follow } from './follow.ts'
export type { FollowOptions } from './follow-options.ts'
export {
  InvalidProjectionError,
  ProjectionStoppedError,
  SnapshotChangedError,
  SnapshotDamagedError,
  UnknownProjectionError,
} from './image/errors.ts'
export type { ProjectionStatus } from './image/image.ts'
export type { Projection, ProjectionDefinition } from './image/projection.ts'
export { projection } from './image/projection.ts'
export type { PastImage, PointInTime } from './image/time-travel.ts'
export { JournalCorruptError, JournalFailedError, JournalFullError } from './journal/errors.ts'
export type { AckLevel } from './log/appender.ts'
export {
  BacklogFullError,
  BranchUnreadableError,
  CommitNotFoundError,
  ConcurrencyError,
  DuplicateIdError,
  EventNotFoundError,
  HistoryChangedError,
  LogClosedError,
  LogDivergedError,
  LogLockedError,
  MergeCommitError,
  NotShownError,
  OtherLogError,
  ReadOnlyError,
  SealFailedError,
  StreamNotFoundError,
} from './log/errors.ts'
export type { Notice } from './log/log-state.ts'
export type { AppendResult, StreamPlace } from './log/placement.ts'
export type { StreamAppend } from './log/preparation.ts'
export type { ReadOptions } from './log/reading.ts'
export { LogRewrittenError } from './log/reading.ts'
export type { StreamSummary } from './log/streams.ts'
export type { Finding, Verification } from './log/verification/verification.ts'
export type { VerifyOptions, WaitOptions } from './log-handle.ts'
export type { CloneOptions } from './memoir.ts'
export { clone, open } from './memoir.ts'
export type { Log } from './opened-log.ts'
export type { CommonOptions, OpenOptions, SharedOptions } from './options.ts'
export type { AcceptedRewrite, Replica, ReplicaStatus } from './replica.ts'
export {
  DiskFullError,
  ManifestError,
  NewerFormatError,
  NotALogError,
  NotARepositoryError,
  ObjectCorruptError,
  ObjectMissingError,
  PermissionDeniedError,
  RefLockedError,
  UnexpectedEntryError,
  UnsupportedRepositoryError,
  WorkTreeError,
} from './repository/errors.ts'
export { GitFailedError, GitMissingError, RemoteFailedError } from './repository/git-process-errors.ts'
export type { DiskUsage } from './repository/maintenance/disk-usage.ts'
export type { MaintenanceRun } from './repository/maintenance/maintenance.ts'
export { InvalidRemoteError } from './repository/remote-address.ts'
export type { TransferOptions } from './repository/remote-transfer.ts'
export type { TransferProgress } from './repository/transfer-progress.ts'
export type { RestoreOptions, RestoreResult, StandbyOptions } from './restore.ts'
export { restore, standby } from './restore.ts'
export type { ConfirmedAppendOptions, SharedLog } from './shared-log.ts'
export type { LogStatus } from './status.ts'
export type { BackupResult } from './sync/backup/backup.ts'
export type { Difference, NotCompared } from './sync/backup/comparison.ts'
export {
  BackupDamagedError,
  BackupForeignError,
  BackupLockedError,
  BackupMissingError,
} from './sync/backup/errors.ts'
export type { StandbyStep } from './sync/backup/standby.ts'
export {
  HistoryForkedError,
  MaintenanceRunningError,
  NotConfirmedError,
  NotPushedError,
  RemoteBranchMissingError,
  RemoteEmptiedError,
  RemoteRewoundError,
  RemoteRewrittenError,
  ReplicaReplacedError,
} from './sync/errors.ts'
export type { PullResult } from './sync/pull.ts'
export type { HostProfile } from './sync/push/host-profile.ts'
export type { PushResult } from './sync/push/push-attempt.ts'
export type { RemoteStatus } from './sync/push/remote-status.ts'
export type { ReplicaLag, ReplicaPhase, ReplicaProblem, ReplicaState } from './sync/replica/replica-state.ts'
export type { Rewrite } from './sync/replica/rewrite.ts'
export type { Conflict, Retry } from './sync/shared/conflict.ts'
export { ConflictNotFoundError } from './sync/shared/conflict.ts'
export type { ProvisionalResult } from './sync/shared/offline-appends.ts'
export type { PendingAppend } from './sync/shared/pending.ts'
export { AppendStoredError, AppendWithdrawnError, PendingNotFoundError } from './sync/shared/pending.ts'
export type { SharedFailure, SharedPhase, SharedStatus } from './sync/shared/shared-status.ts'
export type { MaintenanceResult } from './sync/upkeep.ts'
export type { Clock } from './system/clock.ts'
export type { File, FileStat, FileSystem } from './system/file-system.ts'
export type { RandomSource } from './system/random.ts'
