/** How often a test repeats itself: once reduced, in `npm test`, once in full, in `npm run test:crash`. */
export function times(reduced: number, full: number): number {
  return isFull ? full : reduced
}

export const isFull = process.env.MEMOIR_CRASH_TESTS === 'full'
