/**
 * The layers of `src`, top to bottom. A file imports from its own layer and from layers in rows further down;
 * layers of one row do not import each other. `root` are the files that lie in `src` itself, where the parts are wired.
 */
export const LAYERS: readonly (readonly string[])[] = [
  ['cli'],
  ['server', 'client', 'web', 'testing'],
  ['root'],
  ['sync', 'subscription', 'model'],
  ['image'],
  ['log'],
  ['journal', 'repository'],
  ['event'],
  ['system'],
]

/** Modules that only the named files may import, each with its reason. A file that needs only types is free. */
export interface ReservedModules {
  readonly modules: readonly string[]
  readonly rule: string
  readonly files: Readonly<Record<string, string>>
}

export const RESERVED: readonly ReservedModules[] = [
  {
    modules: ['child_process', 'node:child_process', 'cluster', 'node:cluster'],
    rule: 'processes are started by src/repository/runner.ts alone, which closes off configuration, prompts and hooks',
    files: {
      'repository/runner.ts': 'the runner itself',
    },
  },
  {
    modules: ['fs', 'fs/promises', 'node:fs', 'node:fs/promises'],
    rule: 'files are written through the port in src/system/file-system.ts, so that tests can inject faults',
    files: {
      'system/file-system.ts': 'the port itself',
      'system/access.ts': 'asks the operating system what this user may read and write',
      'system/links.ts': 'looks for links; it changes nothing',
      'system/same-folder.ts': 'follows the links of a path; it changes nothing',
      'system/sign-of-life.ts': 'reads /proc to tell in which container this process is',
      'system/process-identity.ts': 'reads /proc to tell whether the owner of a lock still runs',
      'journal/segment.ts': 'the constants of open(2), no call',
      'repository/isomorphic-files.ts':
        'isomorphic-git is given a file system; it writes for the work tree alone',
      'repository/isomorphic-checkout.ts':
        "writes the work tree and git's index: both can be made again from the commit",
      'repository/git-checkout.ts':
        "reads and removes git's index file, which can be made again from the commit",
      'repository/stand-in-directory.ts': 'a temporary git directory for one process, worth nothing after it',
      'repository/temporary-directory.ts':
        'makes and removes folders that are worth nothing after the process',
      'repository/near-remote.ts': 'follows the links of a path; it changes nothing',
      'repository/remote.ts': 'looks whether there is something under a name',
      'repository/remote-transfer.ts':
        'reads what git noted of a fetch, in a folder that is worth nothing after it',
      'repository/ref-lock.ts': 'reads /proc to find the process that holds a lock',
      'new-folder.ts': 'looks whether a clone may go into a folder, and clears it again if the clone fails',
      'unfinished-folder.ts':
        'tells folders apart, and removes with all that is in it one that was never put in its place',
      'cli/input-stream.ts': 'reads the file that the user gives as data, or wants imported',
      'cli/typed-words.ts': 'reads /proc for the bytes of the command line',
      'cli/version.ts': 'reads the package.json of the package',
    },
  },
]
