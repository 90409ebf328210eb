import { access, constants } from 'node:fs/promises'

/** Whether this process may read or write a path; undefined if there is no such path. */
export type AccessProbe = (path: string, what: 'read' | 'write') => Promise<boolean | undefined>

/** Asks the operating system, which knows of read-only file systems too. Changes nothing. */
export const nodeAccess: AccessProbe = async (path, what) => {
  try {
    await access(path, what === 'read' ? constants.R_OK : constants.R_OK | constants.W_OK)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : false
  }
}
