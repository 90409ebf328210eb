import { isDate } from 'node:util/types'
import { MemoirError } from './errors.ts'
import type { JsonWriter } from './json-writer.ts'
import { findNumberProblem, MAX_DEPTH } from './strict-json.ts'

/** A value that was to be stored is not one that JSON keeps. */
export class InvalidDataError extends MemoirError {
  readonly code = 'invalid-data'

  constructor(
    /** Where in the value, as one would write it in code: `data.items[3].amount`. */
    readonly path: string,
    /** What is wrong there, in words; never the value. */
    readonly problem: string,
    hint: string,
  ) {
    super(`${path} is ${problem}`, { hint })
  }
}

/**
 * Writes a value as `JSON.stringify` does, where that keeps it as it is: refuses what it would change (BigInt, NaN,
 * ±Infinity, integers beyond ±(2^53 - 1), lone surrogates, functions, symbols, `undefined` and holes in arrays), what
 * it would turn into `{}` (Map, Set, RegExp, Error, Promise, URLSearchParams …), cycles and deep nesting.
 *
 * `undefined` as a property is fine: it is left out, as JSON does. So are Dates and objects with `toJSON`, which is
 * asked once, as each getter is: the next time it may give something else, or nothing any more.
 *
 * `name` is what an error's path starts with. What was written of a value that is refused stays behind.
 *
 * @throws InvalidDataError with the path of the first value that is refused.
 * @throws WriterFullError
 */
export function writeJsonValue(writer: JsonWriter, value: unknown, name = 'data'): void {
  const fault = write(writer, value, '', MAX_DEPTH)
  if (fault) throw new InvalidDataError(writePath(name, fault), fault.problem, fault.hint)
}

/** Found at the bottom; each level on the way up adds its key, so that a good value builds no path. */
interface Fault {
  readonly problem: string
  readonly hint: string
  readonly path?: readonly (string | number)[]
}

const ABSENT: Fault = { problem: 'undefined', hint: 'Give null, or leave the field out.' }
const HALF_PAIR: Fault = {
  problem: 'text with half of a surrogate pair',
  hint: 'Cut text between whole characters; toWellFormed() replaces the halves.',
}
const TOO_DEEP: Fault = {
  problem: 'nested too deeply, or contains itself',
  hint: 'Store the id of an object instead of the object, or flatten the value.',
}

/** Objects that `JSON.stringify` writes as `{}` or unpacks, by their `Object.prototype.toString` tag. */
const OPAQUE =
  /^\[object (Map|Set|WeakMap|WeakSet|WeakRef|RegExp|Error|Promise|Number|String|Boolean|(Shared)?ArrayBuffer|DataView|\w+Array)\]$/

function write(
  writer: JsonWriter,
  value: unknown,
  key: string | number,
  depthLeft: number,
): Fault | undefined {
  switch (typeof value) {
    case 'string':
      return writer.string(value) ? undefined : HALF_PAIR
    case 'number':
      return writeNumber(writer, value)
    case 'boolean':
      writer.ascii(value ? 'true' : 'false')
      return undefined
    case 'object':
      if (value !== null) return writeObject(writer, value, key, depthLeft)
      writer.ascii('null')
      return undefined
    case 'undefined':
      return ABSENT
    default:
      return { problem: `a ${typeof value}`, hint: 'Turn it into a string, a number or a plain object.' }
  }
}

function writeNumber(writer: JsonWriter, value: number): Fault | undefined {
  const problem = findNumberProblem(value)
  if (problem !== undefined) return { problem, hint: 'Store it as a string: JSON would keep another value.' }
  writer.ascii(String(value))
  return undefined
}

function writeObject(
  writer: JsonWriter,
  value: object,
  key: string | number,
  depthLeft: number,
): Fault | undefined {
  const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
  const opaque = findOpaque(value, typeof toJSON === 'function')
  if (opaque !== undefined) return opaque
  if (typeof toJSON !== 'function') return writeMembers(writer, value, depthLeft)
  if (isDate(value) && Number.isNaN(Date.prototype.getTime.call(value))) {
    return { problem: 'an invalid Date', hint: 'Give a valid Date, or null.' }
  }
  const replacement: unknown = toJSON.call(value, String(key))
  // As in JSON.stringify, toJSON is asked once: one that returns its own object must not loop.
  return typeof replacement === 'object' && replacement !== null
    ? (findOpaque(replacement, false) ?? writeMembers(writer, replacement, depthLeft))
    : write(writer, replacement, key, depthLeft)
}

function findOpaque(value: object, isReplaced: boolean): Fault | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === Array.prototype || prototype === null) return undefined
  const tag = Object.prototype.toString.call(value)
  if (!OPAQUE.test(tag) && (isReplaced || !isEmptied(value, tag))) return undefined
  return { problem: `a ${tag.slice(8, -1)}`, hint: 'Turn it into an array or a plain object.' }
}

/** Whether it is of a class with a tag of its own, such as URLSearchParams or Headers, and JSON keeps nothing of it. */
function isEmptied(value: object, tag: string): boolean {
  return tag !== '[object Object]' && !Array.isArray(value) && Object.keys(value).length === 0
}

function writeMembers(writer: JsonWriter, value: object, depthLeft: number): Fault | undefined {
  if (depthLeft === 0) return TOO_DEEP
  return Array.isArray(value)
    ? writeItems(writer, value, depthLeft - 1)
    : writeProperties(writer, value as Readonly<Record<string, unknown>>, depthLeft - 1)
}

function writeItems(writer: JsonWriter, items: readonly unknown[], depthLeft: number): Fault | undefined {
  writer.ascii('[')
  const { length } = items
  for (let index = 0; index < length; index++) {
    if (index > 0) writer.ascii(',')
    const fault = write(writer, items[index], index, depthLeft)
    if (fault) return within(index, fault)
  }
  writer.ascii(']')
  return undefined
}

function writeProperties(
  writer: JsonWriter,
  value: Readonly<Record<string, unknown>>,
  depthLeft: number,
): Fault | undefined {
  let before = '{'
  for (const key of Object.keys(value)) {
    const member = value[key]
    if (member === undefined) continue
    writer.ascii(before)
    before = ','
    const isWritten = writer.string(key)
    writer.ascii(':')
    const fault = isWritten ? write(writer, member, key, depthLeft) : HALF_PAIR
    if (fault) return within(key, fault)
  }
  writer.ascii(before === '{' ? '{}' : '}')
  return undefined
}

function within(key: string | number, fault: Fault): Fault {
  return { ...fault, path: [key, ...(fault.path ?? [])] }
}

function writePath(name: string, fault: Fault): string {
  const steps = (fault.path ?? []).map((step) =>
    typeof step === 'number'
      ? `[${step}]`
      : /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(step)
        ? `.${step}`
        : `[${JSON.stringify(step)}]`,
  )
  // A value that contains itself has a path of a hundred steps: the first ones say where to look.
  const shown = steps.slice(0, 10).join('')
  return name + shown + (steps.length > 10 ? '…' : '')
}
