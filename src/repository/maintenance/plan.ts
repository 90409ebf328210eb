import type { Pack } from './disk-usage.ts'

/** The most bytes a pack gets. It is synced as a whole, and appends wait for the disk meanwhile. */
export const PACK_BYTES = 64 << 20

/** Each pack that stays is at least this many times as large as all smaller ones together. */
const FACTOR = 2

/**
 * The packs to merge into one, so that sizes grow geometrically from pack to pack: of n commits there are
 * about log n packs, and each object is written anew about log n times in all. None when that holds already.
 *
 * @param packBytes what a pack may have at most: one of half of that stays as it is
 */
export function packsToMerge(packs: readonly Pack[], packBytes = PACK_BYTES): Pack[] {
  const ascending = packs
    .filter(({ bytes, isKept }) => !isKept && bytes < packBytes / 2)
    .sort((left, right) => left.bytes - right.bytes)
  let smaller = 0
  let merged = 0
  ascending.forEach(({ bytes }, at) => {
    if (at > 0 && bytes < FACTOR * smaller) merged = at + 1
    smaller += bytes
  })
  return ascending.slice(0, merged)
}

/** A seal writes five objects: so many are some 500 commits. */
const LOOSE_WHEN_IDLE = 2_500
/** A log that is never idle is maintained all the same: some 4,000 commits, 80 MB. */
const LOOSE_WHEN_BUSY = 20_000
/** Git looks through packs one after the other. */
const MOST_PACKS = 12
/** A busy log makes one of each eight batches: so many to merge are some 500 of them. */
const MERGED_WHEN_BUSY = 64

/** What decides whether maintenance is worth its while. */
export interface Backlog {
  readonly looseObjects: number
  /** Loose objects that the last maintenance left: they are none of this branch. */
  readonly leftLoose: number
  readonly packs: readonly Pack[]
  /** Whether nothing was committed for a while. */
  readonly isIdle: boolean
}

export function isMaintenanceDue({ looseObjects, leftLoose, packs, isIdle }: Backlog): boolean {
  if (looseObjects - leftLoose >= (isIdle ? LOOSE_WHEN_IDLE : LOOSE_WHEN_BUSY)) return true
  const merged = packsToMerge(packs).length
  return isIdle ? packs.length > MOST_PACKS && merged > 0 : merged >= MERGED_WHEN_BUSY
}
