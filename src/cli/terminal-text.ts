// Controls, the marks that reverse the order of text, and the separators that end a line.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/
const WIDE_BEYOND = /[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const MARK = /\p{Mark}/u

/** A text with nothing in it that a terminal would obey: such characters are shown as `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped)
}

/** The same for a text of several lines. Tabs that indent one, as in what git says, are shown as spaces. */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line.replace(/^\t+/, (tabs) => '  '.repeat(tabs.length))))
    .join('\n')
}

/** JSON on one line, safe to show: the same value to a parser, nothing to obey for a terminal. */
export function jsonLine(value: unknown): string {
  // JSON itself escapes the controls below a space, and leaves the others as they are.
  return JSON.stringify(value).replace(UNSAFE_IN_JSON, escaped)
}

/** How many columns a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += widthOfCharacter(character)
  return width
}

/** A text cut to a width, its last column an ellipsis where something was cut. */
export function cutTo(width: number, text: string): string {
  if (text.length <= width && widthOf(text) <= width) return text
  let kept = ''
  let used = 0
  for (const character of text) {
    used += widthOfCharacter(character)
    if (used > width - 1) break
    kept += character
  }
  return `${kept}…`
}

/** A text filled with spaces to a width, on its right or, for numbers, on its left. */
export function fillTo(width: number, text: string, side: 'left' | 'right' = 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - widthOf(text)))
  return side === 'right' ? text + spaces : spaces + text
}

function widthOfCharacter(character: string): number {
  if (character < '\u0300') return 1
  if (MARK.test(character)) return 0
  return WIDE.test(character) || WIDE_BEYOND.test(character) ? 2 : 1
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
