import { MemoirError } from './errors.ts'
import { WriterFullError } from './json-writer.ts'
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
 * Checks that `JSON.stringify` keeps a value as it is: refuses what it would change (BigInt, NaN, ±Infinity,
 * integers beyond ±(2^53 - 1), lone surrogates, functions, symbols, `undefined` and holes in arrays), what
 * it would turn into `{}` (Map, Set, RegExp, Error, Promise, URLSearchParams …), cycles and deep nesting.
 *
 * `undefined` as a property is fine: it is left out, as JSON does. So are Dates and objects with `toJSON`,
 * whose result is checked. Costs about 0.12 µs for a flat object of four fields.
 *
 * `name` is what an error's path starts with. With `bounds`, it is given up once it takes more than there is room for.
 *
 * @throws InvalidDataError with the path of the first value that is refused.
 * @throws WriterFullError
 */
export function checkJsonValue(value: unknown, name = 'data', bounds: Readonly<Room> = UNBOUNDED): void {
  const fault = findFault(value, '', MAX_DEPTH, { used: bounds.used, most: bounds.most })
  if (fault) throw new InvalidDataError(writePath(name, fault), fault.problem, fault.hint)
}

/** How many bytes are used, and may be: a value takes at least one, and a text at least its length. */
interface Room {
  used: number
  readonly most: number
}

const UNBOUNDED: Readonly<Room> = { used: 0, most: Number.POSITIVE_INFINITY }

function take(room: Room, bytes: number): void {
  room.used += bytes
  if (room.used > room.most) throw new WriterFullError(room.used)
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

function findFault(value: unknown, key: string | number, depthLeft: number, room: Room): Fault | undefined {
  take(room, typeof value === 'string' ? value.length : 1)
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : HALF_PAIR
    case 'number':
      return Number.isSafeInteger(value) ? undefined : findNumberFault(value)
    case 'boolean':
      return undefined
    case 'object':
      return value === null ? undefined : findFaultInObject(value, key, depthLeft, room)
    case 'undefined':
      return ABSENT
    default:
      return { problem: `a ${typeof value}`, hint: 'Turn it into a string, a number or a plain object.' }
  }
}

function findNumberFault(value: number): Fault | undefined {
  const problem = findNumberProblem(value)
  return problem === undefined
    ? undefined
    : { problem, hint: 'Store it as a string: JSON would keep another value.' }
}

function findFaultInObject(
  value: object,
  key: string | number,
  depthLeft: number,
  room: Room,
): Fault | undefined {
  const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
  const opaque = findOpaque(value, typeof toJSON === 'function')
  if (opaque !== undefined) return opaque
  if (typeof toJSON !== 'function') return findFaultInMembers(value, depthLeft, room)
  if (value instanceof Date && Number.isNaN(value.getTime())) {
    return { problem: 'an invalid Date', hint: 'Give a valid Date, or null.' }
  }
  const replacement: unknown = toJSON.call(value, String(key))
  // As in JSON.stringify, toJSON is asked once: one that returns its own object must not loop.
  return typeof replacement === 'object' && replacement !== null
    ? (findOpaque(replacement, false) ?? findFaultInMembers(replacement, depthLeft, room))
    : findFault(replacement, key, depthLeft, room)
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

function findFaultInMembers(value: object, depthLeft: number, room: Room): Fault | undefined {
  if (depthLeft === 0) return TOO_DEEP
  if (Array.isArray(value)) {
    const { length } = value
    for (let index = 0; index < length; index++) {
      const fault = findFault(value[index], index, depthLeft - 1, room)
      if (fault) return within(index, fault)
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[key]
    if (member === undefined) continue
    take(room, key.length)
    const fault = key.isWellFormed() ? findFault(member, key, depthLeft - 1, room) : HALF_PAIR
    if (fault) return within(key, fault)
  }
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
