/** The value that a share of the values does not exceed: 0.5 for the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** A limit, and ours measured right after it. */
export interface Pair {
  readonly limit: number
  readonly ours: number
}

/**
 * Measures a limit and ours in turn, so that whatever else the machine does meets both alike. Each does one
 * round before that is not counted, to warm up.
 */
export async function measureInTurn(
  count: number,
  limit: () => number | Promise<number>,
  ours: () => number | Promise<number>,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let round = count > 1 ? -1 : 0; round < count; round++) {
    const pair = { limit: await limit(), ours: await ours() }
    if (round >= 0) pairs.push(pair)
  }
  return pairs
}

/** How long a task takes, in milliseconds. */
export async function timed(task: () => unknown): Promise<number> {
  const started = performance.now()
  await task()
  return performance.now() - started
}
