import type { Json } from './event.ts'

/**
 * Characters that a reviewer cannot see or that reorder what is seen: control characters (LF apart), line
 * separators, the byte order mark, bidirectional overrides. A YAML batch file holds them as escapes only.
 */
export const INVISIBLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/

/** Those and two more that YAML takes as escapes only, though we read them either way: earlier versions wrote them. */
const UNPRINTABLE = new RegExp(`${INVISIBLE.source}|[\ufffe\uffff]`)

const INDENT = 2
/** YAML ends an implicit key at 1,024 characters; a longer one is written after a question mark. */
const LONGEST_KEY = 1000

// Starts with a letter and holds nothing that YAML gives a meaning to where it stands.
const PLAIN = /^[\p{L}_/](?:[\p{L}\p{M}\p{N}\p{P}\p{S} ]*[\p{L}\p{M}\p{N}\p{P}\p{S}])?$/u
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
// YAML 1.1 reads more words as booleans than 1.2 does, and some of its readers take e1 for a number.
const RESERVED = /^(?:null|true|false|yes|no|on|off|y|n|e\d+)$/i
const INDICATOR = /: |:$| #/

/** A value on one line, as JSON, with what YAML does not take as it is escaped. */
function writeFlow(value: Json): string {
  if (typeof value === 'string') return quote(value)
  if (!isBlock(value)) return writeScalar(value, 0)
  if (isList(value)) return `[${value.map(writeFlow).join(', ')}]`
  const members = Object.entries(value).map(([key, member]) => {
    const name = quote(key)
    return `${name.length > LONGEST_KEY ? `? ${name} ` : name}: ${writeFlow(member)}`
  })
  return `{${members.join(', ')}}`
}

/** How many spaces indent a value that stands so far to the right already, lines of text included. */
export function indentation(value: Json, indent: number): number {
  // Only a literal has lines of its own, but others are no longer for it.
  if (typeof value === 'string') return (value.split('\n').length - 1) * indent
  if (!isBlock(value)) return 0
  const inner = indent + INDENT
  const members: readonly Json[] = isList(value) ? value : Object.values(value)
  return members.reduce((sum: number, member) => sum + inner + indentation(member, inner), 0)
}

/**
 * The lines of a member of a YAML block collection: `- …` or `key: …`, indented, each ended by LF. Strings
 * are quoted wherever YAML 1.1 or 1.2 could read something else.
 */
export function writeSequence(items: readonly Json[], indent: number): string {
  return items
    .map((item) => {
      const inner = indent + INDENT
      // The first line of a nested block moves up behind the dash; both are two columns wide.
      return isBlock(item)
        ? `${space(indent)}- ${writeBlock(item, inner).slice(inner)}`
        : `${space(indent)}- ${writeScalar(item, inner)}\n`
    })
    .join('')
}

/**
 * As {@link writeSequence}, for the members of a mapping.
 *
 * @param isOnOneLine says which of its members are written on one line
 */
export function writeMapping(
  members: readonly (readonly [string, Json])[],
  indent: number,
  isOnOneLine: (value: Json) => boolean = () => false,
): string {
  return members
    .map(([key, value]) => {
      const inner = indent + INDENT
      const name = isPlain(key) ? key : quote(key)
      const start =
        name.length > LONGEST_KEY
          ? `${space(indent)}? ${name}\n${space(indent)}:`
          : `${space(indent)}${name}:`
      if (isOnOneLine(value)) return `${start} ${writeFlow(value)}\n`
      return isBlock(value)
        ? `${start}\n${writeBlock(value, inner)}`
        : `${start} ${writeScalar(value, inner)}\n`
    })
    .join('')
}

type Block = readonly Json[] | { readonly [key: string]: Json }

function isBlock(value: Json): value is Block {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}

function writeBlock(value: Block, indent: number): string {
  return isList(value) ? writeSequence(value, indent) : writeMapping(Object.entries(value), indent)
}

// Array.isArray does not narrow a readonly array.
function isList(value: Block): value is readonly Json[] {
  return Array.isArray(value)
}

function writeScalar(value: Json, indent: number): string {
  if (typeof value === 'string') return writeString(value, indent)
  // 1e-7 is a number in YAML 1.2, but 1.1 asks for a point.
  if (typeof value === 'number') return String(value).replace(/^(-?\d+)e/, '$1.0e')
  // null, true, false, and the empty [] and {}, which are the same in both languages.
  return JSON.stringify(value)
}

function writeString(text: string, indent: number): string {
  if (isPlain(text)) return text
  return isLiteral(text) ? writeLiteral(text, indent) : quote(text)
}

function isPlain(text: string): boolean {
  return UUID.test(text) || (PLAIN.test(text) && !RESERVED.test(text) && !INDICATOR.test(text))
}

/** Whether a block literal keeps the text exactly, also through an editor that strips trailing spaces. */
function isLiteral(text: string): boolean {
  return text.includes('\n') && /^\S/.test(text) && !/[^\S\n]$/m.test(text) && !UNPRINTABLE.test(text)
}

function writeLiteral(text: string, indent: number): string {
  let ending = 0
  while (text.at(-1 - ending) === '\n') ending++
  const body = text.slice(0, text.length - ending)
  const chomping = ending === 0 ? '-' : ending === 1 ? '' : '+'
  const lines = body.replace(/^(?=.)/gm, space(indent))
  return `|${chomping}\n${lines}${'\n'.repeat(Math.max(0, ending - 1))}`
}

/** A double-quoted YAML string: JSON's form, with all that YAML does not take as it is escaped too. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    new RegExp(UNPRINTABLE, 'g'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function space(width: number): string {
  return ' '.repeat(width)
}
