import { addAbortSignal, type Readable } from 'node:stream'

/** Standard input, which ends with an AbortError when the program is interrupted: nobody may be typing. */
export function standardInput(signal: AbortSignal): Readable {
  return addAbortSignal(signal, process.stdin)
}
