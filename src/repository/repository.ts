/** Where a repository lies. All paths are absolute. */
export interface Repository {
  /** The folder that was asked for, or that was found. */
  readonly path: string
  /** The bare repository itself, or the `.git` of a folder. */
  readonly gitDirectory: string
  /** The checked-out files; undefined for a bare repository. */
  readonly workTree: string | undefined
  /** What HEAD points at, such as `refs/heads/main`; it may have no commit yet. */
  readonly branch: string
}
