/** The same object without its undefined members, for types whose optional fields are absent or set. */
export function withoutAbsent<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(members).filter(([, value]) => value !== undefined)
  // Object.fromEntries forgets which key has which type; filtering does not change that.
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
