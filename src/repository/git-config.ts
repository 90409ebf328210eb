/** The settings of a `config` file of git, by `section.key` in small letters; the last of a key wins. */
export type GitConfig = ReadonlyMap<string, string>

// Neither has two ways to take the same spaces: somebody's line of a million would be tried with each of their lengths.
const SECTION = /^\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)"\s*)?\]/
const SETTING = /^([A-Za-z][A-Za-z0-9-]*)\s*(?:=(.*))?$/s

/**
 * Reads the syntax of git's config files as far as git itself needs it to recognise a repository: includes
 * are not followed, and lines that are not understood are skipped. A key without a value is `true`.
 */
export function parseGitConfig(text: string): GitConfig {
  return new Map([...parseGitSettings(text)].map(([key, values]) => [key, values.at(-1)!]))
}

/** The same with all values of a key, in their order. */
export function parseGitSettings(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>()
  let section = ''
  for (const line of text.replace(/\\\r?\n/g, '').split(/\r?\n/)) {
    const header = SECTION.exec(line.trim())
    if (header) {
      const [, name = '', subsection] = header
      section = name.toLowerCase() + (subsection === undefined ? '' : `.${subsection}`)
    }
    const setting = SETTING.exec(
      line
        .trim()
        .slice(header?.[0].length ?? 0)
        .trim(),
    )
    if (setting) {
      const [, key = '', value] = setting
      const name = `${section}.${key.toLowerCase()}`
      const values = settings.get(name) ?? []
      values.push(value === undefined ? 'true' : plainValue(value.trimStart()))
      settings.set(name, values)
    }
  }
  return settings
}

/** Without comment, quotes and escapes. */
function plainValue(text: string): string {
  let value = ''
  let quoted = false
  /** Up to here nothing is trimmed: it was in quotes, or an escape. */
  let kept = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '"') quoted = !quoted
    else if (character === '\\') value += ESCAPES[text.charAt(++at)] ?? text.charAt(at)
    else if (!quoted && (character === '#' || character === ';')) break
    else value += character
    if (quoted || character === '\\') kept = value.length
  }
  return value.slice(0, kept) + value.slice(kept).trimEnd()
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' }

/** As git reads a boolean setting. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(?:true|yes|on|[1-9]\d*)$/i.test(value)
}
