/** Runs tasks one after the other, in the order asked: a lock within the process. */
export class Exclusive {
  private last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.last.then(task)
    this.last = result.catch(() => undefined)
    return result
  }
}
