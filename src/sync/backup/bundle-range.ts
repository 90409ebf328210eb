/**
 * The part of a log that a bundle holds: its events from a position to another. Position 0 is the start of
 * the log, before its first event: a bundle that begins there needs no other, and is called a base.
 */
export interface BundleRange {
  readonly first: number
  readonly last: number
}

const DIGITS = 12
const NAME = /^\d{12}-\d{12}\.bundle$/

/** `000000000000-000000000042.bundle`. */
export function bundleName({ first, last }: BundleRange): string {
  return `${pad(first)}-${pad(last)}.bundle`
}

/** Whether a file is called as a bundle is. */
export function isBundleName(name: string): boolean {
  return NAME.test(name)
}

/** How many events it holds, the start of the log counted as one. */
export function sizeOf({ first, last }: BundleRange): number {
  return last - first + 1
}

function pad(position: number): string {
  return String(position).padStart(DIGITS, '0')
}
