import { realpath } from 'node:fs/promises'

/** Whether two paths lead to the same folder, links followed. Not where one leads nowhere. */
export async function isSameFolder(one: string, other: string): Promise<boolean> {
  if (one === other) return true
  try {
    return (await realpath(one)) === (await realpath(other))
  } catch {
    return false
  }
}
