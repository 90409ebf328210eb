/** A wait that somebody can cut short. */
export class Alarm {
  private cutShort: (() => void) | undefined

  /**
   * Waits so many milliseconds, or until it rings.
   *
   * @param keepsRunning whether Node has to go on running for it
   * @returns whether the time has passed
   */
  wait(ms: number, keepsRunning: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), ms)
      if (!keepsRunning) timer.unref()
      this.cutShort = () => {
        clearTimeout(timer)
        resolve(false)
      }
    })
  }

  /** Ends the wait that is under way, if there is one. */
  ring(): void {
    this.cutShort?.()
    this.cutShort = undefined
  }
}
