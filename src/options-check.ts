import { UsageError } from './event/errors.ts'
import { nameProblem } from './event/new-event.ts'
import { checkOptionKinds, DURATION, isDuration, type OptionKind, shown } from './event/option-kinds.ts'
import { checkOptionNames } from './event/option-names.ts'
import { isProjection, type Projection } from './image/projection.ts'
import type { OpenOptions, SharedOptions } from './options.ts'
import { MAX_APPEND_BYTES } from './repository/layout.ts'
import type { HostProfile } from './sync/push/host-profile.ts'

/** @throws UsageError for an option that no log could be opened with: before anything is touched */
export function checkOptions(options: OpenOptions | SharedOptions): void {
  checkOptionKinds<OpenOptions | SharedOptions>('open', options, OPEN_OPTIONS)
  const { codec, engine, author, seal = {}, snapshot = {}, limits = {}, push = {} } = options
  const watch = ifOn(options.watch)
  const maintenance = ifOn(options.maintenance)
  checkProjections(options.projections)
  checkOptionNames('open option "seal"', seal, { afterMs: true, maxBytes: true })
  checkOptionNames('open option "watch"', watch, { pollMs: true })
  checkOptionNames('open option "snapshot"', snapshot, { everyEvents: true })
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
  checkDurations({
    'seal.afterMs': seal.afterMs,
    'push.every': push.every,
    'watch.pollMs': watch.pollMs,
    'shared.patienceMs': shared?.patienceMs,
    'shared.fetchMs': shared?.fetchMs,
    'maintenance.idleMs': maintenance.idleMs,
  })
  checkNumbers({
    'seal.maxBytes': seal.maxBytes,
    'push.maxUnpushed': push.maxUnpushed,
    'snapshot.everyEvents': snapshot.everyEvents,
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
  checkObjectBytes(limits.objectBytes, options.readOnly ?? false)
  checkPush(push)
}

/** Whoever writes has to be able to read it again. */
function checkObjectBytes(bytes: number | undefined, readOnly: boolean): void {
  // A batch of one append as YAML.
  const least = 2 * MAX_APPEND_BYTES
  if (readOnly || bytes === undefined || bytes >= least) return
  refuse(
    'limits.objectBytes',
    bytes,
    `at least ${least}, which a batch may take, where the log is written to`,
  )
}

/** The options of what can be turned off; none where it is. */
function ifOn<Options extends object>(options: Options | false = false): Partial<Options> {
  return options === false ? {} : options
}

/** @throws UsageError unless each number that is given is above 0 */
export function checkNumbers(numbers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    const isFine = value === undefined || (typeof value === 'number' && value > 0)
    if (!isFine) refuse(name, value, 'a number above 0')
  }
}

/** @throws UsageError unless each time that is given is one that a timer can keep */
export function checkDurations(durations: Readonly<Record<string, unknown>>): void {
  for (const [name, ms] of Object.entries(durations)) {
    if (ms !== undefined && !isDuration(ms)) refuse(name, ms, DURATION)
  }
}

/** 0: nothing is waited for. */
function checkBound(name: string, ms: unknown): void {
  if (ms !== undefined && ms !== 0 && !isDuration(ms)) refuse(name, ms, `0, or ${DURATION}`)
}

function checkPush(push: NonNullable<OpenOptions['push']>): void {
  checkOptionNames('open option "push"', push, PUSH)
  const { closeWithin, mirrors = [], hosts = {} } = push
  checkBound('push.closeWithin', closeWithin)
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
  checkBound('shared.closeWithinMs', shared.closeWithinMs)
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
  throw new UsageError(`the option ${name} is ${shown(value)}`, { hint: `Give ${expected}.` })
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
