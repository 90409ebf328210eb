import { LONGEST_TIMER_MS } from '../system/clock.ts'
import { UsageError } from './errors.ts'
import { checkOptionNames } from './option-names.ts'

/** What an option has to be; `any` is looked at elsewhere. */
export type OptionKind = 'text' | 'truth' | 'function' | 'signal' | 'list' | 'object' | 'duration' | 'any'

export const DURATION = `a number of milliseconds above 0, and at most ${LONGEST_TIMER_MS}, which is 24 days`

const KINDS: Readonly<
  Record<OptionKind, { readonly expected: string; readonly fits: (value: unknown) => boolean }>
> = {
  text: { expected: 'a text', fits: (value) => typeof value === 'string' },
  truth: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
  function: { expected: 'a function', fits: (value) => typeof value === 'function' },
  signal: { expected: 'an AbortSignal', fits: isSignal },
  list: { expected: 'a list', fits: (value) => Array.isArray(value) },
  object: { expected: 'an object', fits: (value) => typeof value === 'object' && value !== null },
  duration: { expected: DURATION, fits: isDuration },
  any: { expected: 'anything', fits: () => true },
}

/**
 * Refuses options that nobody knows, and those that are not what they have to be.
 *
 * @param call what the options were given to, as for `checkOptionNames`
 * @throws UsageError
 */
export function checkOptionKinds<Options extends object>(
  call: string,
  options: Options,
  kinds: Readonly<Record<keyof Options, OptionKind>>,
): void {
  checkOptionNames(call, options, kinds)
  for (const [name, value] of Object.entries(options)) {
    const { expected, fits } = KINDS[kinds[name as keyof Options]]
    if (value === undefined || fits(value)) continue
    throw new UsageError(`${call} option "${name}" is ${shown(value)}`, {
      hint: `Give ${expected}, or leave it out.`,
    })
  }
}

/** @throws UsageError for what is no path, address or name, where there has to be one */
export function checkText(call: string, what: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  throw new UsageError(`${call} needs ${what}, not ${shown(value)}`, { hint: 'Give it as a text.' })
}

// By what it can do: that of another realm is as good.
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { throwIfAborted, addEventListener } = value as Partial<AbortSignal>
  return typeof throwIfAborted === 'function' && typeof addEventListener === 'function'
}

/** Whether a value is a time, in milliseconds, that a timer can keep. */
export function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= LONGEST_TIMER_MS
}

/** A value that somebody gave, in a few words. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}
