import { type BundleRange, sizeOf } from './bundle-range.ts'

/** A bundle is at least so many times as large as the one after it. */
const RATIO = 2

/** The bundle that a backup writes, and those that it replaces. */
export interface BundlePlan<Bundle extends BundleRange> extends BundleRange {
  /** What stays, oldest first. */
  readonly kept: readonly Bundle[]
  /** What the new bundle holds as well. */
  readonly replaced: readonly Bundle[]
}

/**
 * Plans the next bundle of a backup, up to a position. It takes in the bundles at the end that are not at
 * least twice its size, as carrying does when counting in binary. So the sizes fall at least by half from
 * one bundle to the next, and
 *
 * - n events lie in no more than log2(n) + 1 bundles,
 * - an event is written again only into a bundle half as large again: at most log1.5(n) times in all.
 */
export function planBundle<Bundle extends BundleRange>(
  bundles: readonly Bundle[],
  last: number,
): BundlePlan<Bundle> {
  let kept = bundles.length
  let first = (bundles.at(-1)?.last ?? -1) + 1
  while (kept > 0 && sizeOf(bundles[kept - 1]!) < RATIO * sizeOf({ first, last })) {
    kept--
    first = bundles[kept]!.first
  }
  return { first, last, kept: bundles.slice(0, kept), replaced: bundles.slice(kept) }
}
