import { dirname } from 'node:path'
import { isSameFolder } from '../../system/same-folder.ts'

/** No system takes longer paths. */
const LONGEST = 4096

/** Whether a folder lies in another one, or will once it is made, whatever links lead there. Both paths are absolute. */
export async function liesWithin(path: string, folder: string): Promise<boolean> {
  let place = path
  while (!(await isThere(place)) && place !== dirname(place)) place = dirname(place)
  // Upwards as the system goes: the parent of what a link leads to, not that of the link.
  while (!(await isSameFolder(place, folder))) {
    const parent = `${place}/..`
    if (parent.length > LONGEST || (await isSameFolder(place, parent))) return false
    place = parent
  }
  return true
}

const isThere = (path: string): Promise<boolean> => isSameFolder(path, `${path}/.`)
