/** The wall clock, in milliseconds since 1970. A port, so that tests can make it jump. */
export interface Clock {
  now(): number
}

/** Node's timers take a longer time, and Infinity, for 1 ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = { now: () => Date.now() }
