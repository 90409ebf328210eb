/** Told how many bytes are to be taken into memory, before they are: whether there is room for them. */
export type HasRoom = (bytes: number) => boolean

/** An object that was not read because there was no room for it. */
export const NO_ROOM = Symbol('no room')

/** So many bytes of memory for what is not needed yet. The first that finds no room closes it for all after it. */
export class Room {
  #taken = 0
  #isClosed = false

  constructor(private readonly mostBytes: number) {}

  /** A place for one object. */
  newPlace(): { readonly take: HasRoom; readonly leave: () => void } {
    let own = 0
    let isLeft = false
    const take = (bytes: number) => {
      if (isLeft) return true
      this.#taken -= own
      own = 0
      if (this.#taken + bytes > this.mostBytes) this.#isClosed = true
      if (this.#isClosed) return false
      own = bytes
      this.#taken += own
      return true
    }
    const leave = () => {
      isLeft = true
      this.#taken -= own
    }
    return { take, leave }
  }
}
