import { FULL_BATCH_BYTES } from './layout.ts'

/** Whose git configuration a command sees beside ours. The repository's own is never seen. */
export type ConfigurationSource = 'none' | 'user'

/** Git configuration by key; a key with several values is there several times, in their order. */
export type GitSettings = Readonly<Record<string, string | readonly string[]>>

/**
 * The environment of a git process, made from scratch: of the caller's variables only those below pass,
 * none that starts with `GIT_`.
 *
 * With `'user'` git also reads the user's and the system's configuration, where the credential helpers,
 * SSH command, proxies and address rewrites for remotes stand.
 */
export function gitEnvironment(
  source: ConfigurationSource,
  settings: GitSettings = {},
  caller: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const passed = PASSED.flatMap((name) => {
    const value = caller[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const isolated = source === 'none' ? { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' } : {}
  return {
    ...Object.fromEntries(passed),
    ...FIXED,
    ...isolated,
    ...asConfiguration({ ...SETTINGS, ...settings }),
  }
}

const PASSED = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'XDG_CONFIG_HOME', 'XDG_RUNTIME_DIR'],
  // Agents and key rings that ssh and the credential helpers talk to.
  ...['SSH_AUTH_SOCK', 'DBUS_SESSION_BUS_ADDRESS', 'KRB5CCNAME', 'GNUPGHOME'],
  ...['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'SystemRoot'],
]

const FIXED = {
  LC_ALL: 'C',
  // Overrules every protocol.* setting.
  GIT_ALLOW_PROTOCOL: 'https:ssh:file',
  // Nobody is there to answer a prompt. An empty GIT_ASKPASS hides core.askPass and SSH_ASKPASS.
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  GIT_OPTIONAL_LOCKS: '0',
  // An object is what its id says, whatever refs/replace holds.
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_NO_LAZY_FETCH: '1',
  // Of what git clones: we read refs in files, and users may have it keep them in tables (git 2.45 and later).
  GIT_DEFAULT_REF_FORMAT: 'files',
  GIT_ATTR_NOSYSTEM: '1',
  // The most that git takes in one piece. A delta of some bytes can stand for an object of any size, and git
  // builds it in memory to check it. Its own table of the objects of a pack needs this for 16.7 million (git 2.39).
  GIT_ALLOC_LIMIT: '1g',
  GIT_PAGER: 'cat',
  GIT_EDITOR: 'false',
}

/** Stronger than any configuration file, the user's included. */
const SETTINGS = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  // What is derived can lie, or be damaged: a commit-graph about ancestry, a multi-pack-index about where objects are, a bitmap
  // about which ones belong together. Objects cannot, and packs have their own indexes.
  'core.commitGraph': 'false',
  'core.multiPackIndex': 'false',
  'pack.useBitmaps': 'false',
  // A work tree may be copied to a system that takes other names for .git than this one does.
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  'core.symlinks': 'false',
  // No larger object is held in memory to be compared with others: it is streamed.
  'core.bigFileThreshold': '32m',
  'core.fsync': 'all',
  'core.logAllRefUpdates': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  // Bytes that come from a remote are checked, and stay in the pack they came in.
  'transfer.fsckObjects': 'true',
  'fetch.unpackLimit': '1',
  'fetch.prune': 'false',
  'fetch.recurseSubmodules': 'false',
  'fetch.writeCommitGraph': 'false',
  'push.followTags': 'false',
  'push.gpgSign': 'false',
  'push.recurseSubmodules': 'no',
  'submodule.recurse': 'false',
}

/** For what writes packs: deltas are taken over, and none are looked for between full batches. See docs/decisions/0014. */
export const PACKING_SETTINGS = { 'core.bigFileThreshold': String(FULL_BATCH_BYTES) }

function asConfiguration(settings: GitSettings): Record<string, string> {
  const entries = Object.entries(settings).flatMap(([key, values]) =>
    [values].flat().map((value) => [key, value] as const),
  )
  const variables = entries.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(variables) }
}
