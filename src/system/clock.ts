/** The wall clock, in milliseconds since 1970. A port, so that tests can make it jump. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
