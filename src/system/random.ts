import { randomFillSync } from 'node:crypto'

/** Fills the bytes it is given with randomness. A port, so that tests can repeat a run. */
export type RandomSource = (bytes: Uint8Array) => void

export const systemRandom: RandomSource = (bytes) => {
  randomFillSync(bytes)
}
