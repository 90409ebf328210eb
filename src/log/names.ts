/** Numbers names in the order in which they first occur, from 0. */
export class Names {
  private readonly numbers = new Map<string, number>()
  private readonly list: string[] = []

  get count(): number {
    return this.list.length
  }

  find(name: string): number | undefined {
    return this.numbers.get(name)
  }

  name(number: number): string {
    return this.list[number]!
  }

  /** Gives a new name its number. The name must be a string of its own, not a piece of a large one. */
  add(name: string): number {
    const number = this.list.length
    this.list.push(name)
    this.numbers.set(name, number)
    return number
  }

  removeLast(): void {
    const name = this.list.pop()
    if (name !== undefined) this.numbers.delete(name)
  }

  all(): readonly string[] {
    return this.list
  }
}
