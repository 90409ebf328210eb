import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Every hook that git knows. */
const HOOKS = [
  ...['applypatch-msg', 'pre-applypatch', 'post-applypatch', 'pre-commit', 'pre-merge-commit'],
  ...['prepare-commit-msg', 'commit-msg', 'post-commit', 'pre-rebase', 'post-checkout', 'post-merge'],
  ...['pre-push', 'pre-receive', 'update', 'proc-receive', 'post-receive', 'post-update', 'push-to-checkout'],
  ...['reference-transaction', 'pre-auto-gc', 'post-rewrite', 'sendemail-validate', 'fsmonitor-watchman'],
  ...['post-index-change', 'p4-changelist', 'p4-prepare-changelist', 'p4-post-changelist', 'p4-pre-submit'],
]

/** Settings whose value git runs, or takes for where to find what it runs. */
const COMMANDS = [
  ...['core.fsmonitor', 'core.sshCommand', 'core.gitProxy', 'core.pager', 'core.editor', 'core.askPass'],
  ...['core.alternateRefsCommand', 'sequence.editor', 'gpg.program', 'gpg.ssh.program', 'gpg.x509.program'],
  ...['gpg.ssh.defaultKeyCommand', 'filter.trap.clean', 'filter.trap.smudge', 'filter.process.process'],
  ...['diff.external', 'diff.trap.command', 'diff.trap.textconv', 'merge.trap.driver', 'credential.helper'],
  ...['remote.origin.uploadpack', 'remote.origin.receivepack', 'uploadpack.packObjectsHook', 'alias.trap'],
  ...['pager.log', 'pager.status', 'interactive.diffFilter', 'trailer.trap.command', 'trailer.trap.cmd'],
  ...['submodule.trap.update', 'browser.trap.cmd', 'man.trap.cmd', 'difftool.trap.cmd', 'mergetool.trap.cmd'],
  ...['sendemail.smtpserver', 'imap.tunnel', 'instaweb.httpd', 'gui.trap.cmd', 'guitool.trap.cmd'],
  ...[
    'tar.trap.command',
    'ssh.variant',
    'web.browser',
    'help.browser',
    'gc.recentObjectsHook',
    'rebase.trap',
  ],
]

/** Variables by which the caller's environment makes git run something. */
const VARIABLES = [
  ...[
    'GIT_SSH_COMMAND',
    'GIT_SSH',
    'GIT_PROXY_COMMAND',
    'GIT_EXTERNAL_DIFF',
    'GIT_PAGER',
    'PAGER',
    'GIT_EDITOR',
  ],
  ...[
    'GIT_ASKPASS',
    'SSH_ASKPASS',
    'GIT_SEQUENCE_EDITOR',
    'EDITOR',
    'VISUAL',
    'GIT_EXEC_PATH',
    'GIT_TEMPLATE_DIR',
  ],
]

/**
 * Makes of a repository one that tries to run a program at every turn git could take. Whatever runs leaves a
 * file in a folder of its own, named after what made it run.
 */
export class BoobyTrap {
  readonly #fired: string
  readonly #folder: string

  /** @param folder an empty folder for the traps and what they leave */
  constructor(folder: string) {
    this.#folder = folder
    this.#fired = join(folder, 'fired')
    mkdirSync(this.#fired, { recursive: true })
  }

  /** What ran so far. */
  get fired(): string[] {
    return readdirSync(this.#fired).sort()
  }

  /** A program that tells that it ran. */
  program(name: string): string {
    const path = join(this.#folder, `trap-${name}`)
    writeFileSync(
      path,
      `#!/bin/sh\necho >'${join(this.#fired, name)}'\ncat >/dev/null 2>&1 </dev/null\nexit 1\n`,
    )
    chmodSync(path, 0o755)
    return path
  }

  set(gitDirectory: string): void {
    const config = COMMANDS.map((key) => [
      key,
      key === 'submodule.trap.update' ? `!${this.program(key)}` : this.program(key),
    ])
    const more = [
      ['core.hooksPath', this.#hooks(join(this.#folder, 'hooks'), 'hooksPath-')],
      ['core.attributesFile', this.#attributes(join(this.#folder, 'attributes'))],
      ['protocol.allow', 'always'],
      ['protocol.ext.allow', 'always'],
      ['url.ext::sh -c trap.insteadOf', 'https://example.invalid/'],
      ['filter.trap.required', 'true'],
      ['commit.gpgSign', 'true'],
      ['push.gpgSign', 'if-asked'],
      ['init.templateDir', this.#folder],
      ['include.path', this.#included()],
      ['includeIf.gitdir:/.path', this.#included()],
    ]
    appendFileSync(
      join(gitDirectory, 'config'),
      [...config, ...more].map(([key, value]) => setting(key!, value!)).join(''),
    )
    this.#hooks(join(gitDirectory, 'hooks'), 'hook-')
    this.#attributes(join(gitDirectory, 'info', 'attributes'))
  }

  /** For the time of a test, the caller's environment. */
  get environment(): Record<string, string> {
    const programs = VARIABLES.map((name) => [name, this.program(name)] as const)
    return {
      ...Object.fromEntries(programs),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.fsmonitor',
      GIT_CONFIG_VALUE_0: this.program('GIT_CONFIG_COUNT'),
      GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${this.program('GIT_CONFIG_PARAMETERS')}'`,
      GIT_ALLOW_PROTOCOL: 'ext:file:https',
      GIT_DIR: this.#folder,
      GIT_WORK_TREE: this.#folder,
      GIT_INDEX_FILE: join(this.#folder, 'index'),
      GIT_OBJECT_DIRECTORY: this.#folder,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: this.#folder,
    }
  }

  #hooks(folder: string, prefix: string): string {
    mkdirSync(folder, { recursive: true })
    for (const hook of HOOKS) {
      const path = join(folder, hook)
      if (existsSync(path)) continue
      writeFileSync(path, `#!/bin/sh\nexec '${this.program(prefix + hook)}'\n`)
      chmodSync(path, 0o755)
    }
    return folder
  }

  #attributes(path: string): string {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, ATTRIBUTES)
    return path
  }

  #included(): string {
    const path = join(this.#folder, 'included')
    writeFileSync(path, `[core]\n\tfsmonitor = ${this.program('included')}\n`)
    return path
  }
}

/** Sends every file through the traps. */
export const ATTRIBUTES = '* filter=trap diff=trap merge=trap\n'

/** A setting as it stands in a file, for a key such as `remote.origin.url`. */
function setting(key: string, value: string): string {
  const [, section, subsection, name] = /^([^.]+)(?:\.(.+))?\.([^.]+)$/.exec(key) ?? []
  const head = subsection === undefined ? section : `${section} "${subsection}"`
  return `[${head}]\n\t${name} = "${value.replaceAll('"', '\\"')}"\n`
}
