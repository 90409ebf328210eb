import { UsageError } from './event/errors.ts'
import { nameProblem } from './event/new-event.ts'
import { checkOptionKinds, type OptionKind } from './event/option-kinds.ts'
import { checkOptionNames } from './event/option-names.ts'
import { isProjection, type Projection } from './image/projection.ts'
import type { OpenOptions, SharedOptions } from './options.ts'
import { MAX_APPEND_BYTES } from './repository/layout.ts'
import type { HostProfile } from './sync/push/host-profile.ts'

/** @throws UsageError for an option that no log could be opened with: before anything is touched */
export function checkOptions(options: OpenOptions | SharedOptions): void {
  checkOptionKinds<OpenOptions | SharedOptions>('open', options, OPEN_OPTIONS)
  const {
    codec,
    engine,
    author,
    seal = {},
    watch,
    snapshot = {},
    maintenance,
    limits = {},
    push = {},
  } = options
  checkProjections(options.projections)
  checkOptionNames('open option "seal"', seal, { afterMs: true, maxBytes: true })
  if (watch !== undefined && watch !== false) checkOptionNames('open option "watch"', watch, { pollMs: true })
  checkOptionNames('open option "snapshot"', snapshot, { everyEvents: true })
  if (maintenance !== undefined && maintenance !== false)
    checkOptionNames('open option "maintenance"', maintenance, { idleMs: true })
  checkOptionNames('open option "limits"', limits, { eventBytes: true, objectBytes: true })
  checkMode(options)
  if (codec !== undefined && codec !== 'jsonl' && codec !== 'yaml')
    refuse('codec', codec, "'jsonl' or 'yaml'")
  if (engine !== undefined && engine !== 'git' && engine !== 'isomorphic') {
    refuse('engine', engine, "'git' or 'isomorphic'")
  }
  for (const field of ['name', 'email'] as const) {
    if (author !== undefined && nameProblem(author[field]) !== undefined) {
      refuse(`author.${field}`, author[field], 'a text of 1 to 200 characters')
    }
  }
  const { shared } = options.mode === 'shared' ? options : { shared: undefined }
  checkNumbers({
    'seal.afterMs': seal.afterMs,
    'seal.maxBytes': seal.maxBytes,
    'push.every': push.every,
    'push.maxUnpushed': push.maxUnpushed,
    'watch.pollMs': watch === false ? undefined : watch?.pollMs,
    'shared.patienceMs': shared?.patienceMs,
    'shared.fetchMs': shared?.fetchMs,
    'snapshot.everyEvents': snapshot.everyEvents,
    'maintenance.idleMs': maintenance === false ? undefined : maintenance?.idleMs,
    'limits.eventBytes': limits.eventBytes,
    'limits.objectBytes': limits.objectBytes,
  })
  if ((limits.eventBytes ?? 0) > MAX_APPEND_BYTES) {
    refuse(
      'limits.eventBytes',
      limits.eventBytes,
      `no more than ${MAX_APPEND_BYTES}, which a whole append may take`,
    )
  }
  checkPush(push)
}

/** @throws UsageError unless each number that is given is above 0 */
export function checkNumbers(numbers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    const isFine = value === undefined || (typeof value === 'number' && value > 0)
    if (!isFine) refuse(name, value, 'a number above 0')
  }
}

/** Longer ones end at once in Node's timers. */
const LONGEST_MS = 2 ** 31 - 1

function checkDuration(name: string, ms: unknown): void {
  const isFine = ms === undefined || (typeof ms === 'number' && ms >= 0 && ms <= LONGEST_MS)
  if (!isFine) refuse(name, ms, `a number of milliseconds from 0 to ${LONGEST_MS}, which is 24 days`)
}

function checkPush(push: NonNullable<OpenOptions['push']>): void {
  checkOptionNames('open option "push"', push, PUSH)
  const { closeWithin, mirrors = [], hosts = {} } = push
  checkDuration('push.closeWithin', closeWithin)
  if (!Array.isArray(mirrors) || !mirrors.every((mirror) => typeof mirror === 'string')) {
    refuse('push.mirrors', mirrors, 'a list of names or addresses of remotes')
  }
  for (const [host, profile] of Object.entries(hosts)) {
    checkOptionNames(`open option "push.hosts" for ${host}`, profile, PROFILE)
    for (const [name, value] of Object.entries(profile)) {
      if (!(value >= 1)) refuse(`push.hosts['${host}'].${name}`, value, 'a number of 1 or more')
    }
  }
}

function checkMode(options: OpenOptions | SharedOptions): void {
  const { mode } = options
  if (mode !== undefined && mode !== 'exclusive' && mode !== 'shared') {
    refuse('mode', mode, "'exclusive' or 'shared'")
  }
  if (mode !== 'shared') return
  const { shared = {} } = options
  checkOptionNames('open option "shared"', shared, { patienceMs: true, fetchMs: true, closeWithinMs: true })
  checkDuration('shared.patienceMs', shared.patienceMs)
  checkDuration('shared.closeWithinMs', shared.closeWithinMs)
  if ('push' in options) refuse('push', options.push, "none with mode: 'shared'")
  if (options.readOnly) refuse('readOnly', true, "false with mode: 'shared'")
}

/** @throws UsageError for what no `projection()` has made */
export function checkProjections(projections: readonly Projection<unknown>[] | undefined): void {
  for (const [at, one] of (projections ?? []).entries()) {
    if (!isProjection(one)) refuse(`projections[${at}]`, one, 'what projection() returns')
  }
}

function refuse(name: string, value: unknown, expected: string): never {
  throw new UsageError(`the option ${name} is ${JSON.stringify(value)}`, { hint: `Give ${expected}.` })
}

/** What each option of `open` has to be. */
export const OPEN_OPTIONS: Readonly<Record<keyof OpenOptions | keyof SharedOptions, OptionKind>> = {
  projections: 'list',
  codec: 'any',
  engine: 'any',
  readOnly: 'truth',
  remote: 'text',
  mode: 'any',
  shared: 'object',
  signal: 'signal',
  author: 'object',
  seal: 'object',
  watch: 'any',
  snapshot: 'object',
  maintenance: 'any',
  limits: 'object',
  push: 'object',
  onNotice: 'function',
  onProgress: 'function',
  ports: 'object',
}

const PUSH: Readonly<Record<keyof NonNullable<OpenOptions['push']>, true>> = {
  every: true,
  maxUnpushed: true,
  mirrors: true,
  hosts: true,
  closeWithin: true,
}

const PROFILE: Readonly<Record<keyof HostProfile, true>> = {
  pushesAMinute: true,
  objectBytes: true,
  directoryEntries: true,
}
