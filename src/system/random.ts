import { randomFillSync } from 'node:crypto'

/** Fills the bytes it is given with randomness. A port, so that tests can repeat a run. */
export type RandomSource = (bytes: Uint8Array) => void

export const systemRandom: RandomSource = (bytes) => {
  randomFillSync(bytes)
}

/** A random number from 0 to below 1. */
export function randomFraction(random: RandomSource): number {
  const bytes = new Uint8Array(4)
  random(bytes)
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32
}
