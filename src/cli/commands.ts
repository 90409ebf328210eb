import type { Command } from './command.ts'

interface Entry {
  /** Its arguments, for the list of commands. */
  readonly usage: string
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** Every command, in the order of the help. Each is loaded when it is used. */
export const commands = {
  init: {
    usage: '[path]',
    summary: 'create a log',
    load: async () => (await import('./commands/init.ts')).init,
  },
  append: {
    usage: '<stream> <type>',
    summary: 'append an event to a stream',
    load: async () => (await import('./commands/append.ts')).append,
  },
  import: {
    usage: '<file>',
    summary: 'append the events of a file',
    load: async () => (await import('./commands/import.ts')).importFile,
  },
  read: {
    usage: '[stream]',
    summary: 'print events',
    load: async () => (await import('./commands/read.ts')).read,
  },
  tail: {
    usage: '[stream]',
    summary: 'print the last events, and new ones as they come',
    load: async () => (await import('./commands/tail.ts')).tail,
  },
  streams: {
    usage: '',
    summary: 'list the streams',
    load: async () => (await import('./commands/streams.ts')).streams,
  },
  state: {
    usage: '[projection] [key]',
    summary: 'print the state of projections',
    load: async () => (await import('./commands/state.ts')).state,
  },
  at: {
    usage: '<point> [command]',
    summary: 'read, streams or state as of a position, a commit or a date',
    load: async () => (await import('./commands/at.ts')).at,
  },
  status: {
    usage: '',
    summary: 'say where the log stands',
    load: async () => (await import('./commands/status.ts')).status,
  },
  verify: {
    usage: '',
    summary: 'check the whole history',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  fold: {
    usage: '',
    summary: 'replace small batch files by larger ones',
    load: async () => (await import('./commands/fold.ts')).fold,
  },
  maintain: {
    usage: '',
    summary: 'pack the repository, so that it stays small',
    load: async () => (await import('./commands/maintain.ts')).maintain,
  },
  push: {
    usage: '[remote]',
    summary: 'send the log to a remote',
    load: async () => (await import('./commands/push.ts')).push,
  },
  pull: {
    usage: '[remote]',
    summary: 'fetch what a remote has more',
    load: async () => (await import('./commands/pull.ts')).pull,
  },
  clone: {
    usage: '<url> [path]',
    summary: 'copy a log from a remote',
    load: async () => (await import('./commands/clone.ts')).clone,
  },
  sync: {
    usage: '[remote]',
    summary: 'push what was accepted without the remote, and take in what others appended',
    load: async () => (await import('./commands/sync.ts')).sync,
  },
  pending: {
    usage: '[withdraw] [id]',
    summary: 'list appends that wait for the remote, and withdraw one that it never takes',
    load: async () => (await import('./commands/pending.ts')).pending,
  },
  conflicts: {
    usage: '[retry|drop] [id]',
    summary: 'list appends that did not hold on the remote, and decide about them',
    load: async () => (await import('./commands/conflicts.ts')).conflicts,
  },
  follow: {
    usage: '<remote> [path]',
    summary: 'keep a replica up to date, and print what comes',
    load: async () => (await import('./commands/follow.ts')).follow,
  },
  'accept-rewrite': {
    usage: '[commit]',
    summary: 'let a replica take a history that its remote has rewritten',
    load: async () => (await import('./commands/accept-rewrite.ts')).acceptRewrite,
  },
  backup: {
    usage: '<folder>',
    summary: 'add what is new to a backup in a folder',
    load: async () => (await import('./commands/backup.ts')).backup,
  },
  restore: {
    usage: '<folder> <path>',
    summary: 'bring a log back from a backup',
    load: async () => (await import('./commands/restore.ts')).restore,
  },
  drill: {
    usage: '[source]',
    summary: 'restore a remote or a backup for trial, and compare',
    load: async () => (await import('./commands/drill.ts')).drill,
  },
  doctor: {
    usage: '',
    summary: 'find what keeps a log from working, and mend it',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
} satisfies Readonly<Record<string, Entry>>

export type CommandName = keyof typeof commands
