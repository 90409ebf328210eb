import { UsageError } from './errors.ts'

/**
 * Refuses options that nobody knows: a misspelt one would be as good as not given.
 *
 * @param call what the options were given to, as it begins the error's message: `open`, `open option "seal"`
 * @throws UsageError
 */
export function checkOptionNames<Options extends object>(
  call: string,
  options: Options,
  known: Readonly<Record<keyof Options, unknown>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(`${call} takes an object of options, not ${String(options)}`, {
      hint: `It has ${Object.keys(known).join(', ')}.`,
    })
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue
    throw new UsageError(`${call} has no option ${JSON.stringify(name)}`, {
      hint: `It has ${Object.keys(known).join(', ')}.`,
    })
  }
}
