import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Whether a path is a symbolic link: what is written there would be written elsewhere. */
export async function isLink(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => undefined)
  return stat?.isSymbolicLink() ?? false
}

/** A folder itself, or something in it, that is a link; undefined if there is none, or the folder cannot be listed. */
export async function findLinkIn(folder: string): Promise<string | undefined> {
  if (await isLink(folder)) return folder
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const link = entries.find((entry) => entry.isSymbolicLink())
  return link && join(folder, link.name)
}
