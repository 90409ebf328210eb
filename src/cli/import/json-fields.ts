import type { Json } from '../../event/event.ts'
import { parseImportTime } from './import-time.ts'
import { ImportError } from './imported-event.ts'
import type { JsonObject } from './json-objects.ts'

type Mapping = { readonly [key: string]: Json }

/** Reads the top-level fields of an object, and says which is wrong, and on which line. */
export class JsonFields {
  constructor(private readonly object: JsonObject) {}

  keys(): string[] {
    return Object.keys(this.object.value)
  }

  find(key: string): Json | undefined {
    return Object.hasOwn(this.object.value, key) ? this.object.value[key] : undefined
  }

  text(key: string): string {
    return this.findText(key) ?? this.refuse(key, 'missing', 'a string')
  }

  findText(key: string): string | undefined {
    const value = this.find(key)
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    return this.refuse(key, value === '' ? 'empty' : 'not a string', 'a string of one character or more')
  }

  /** A time in its stored form. */
  findTime(key: string): string | undefined {
    const text = this.findText(key)
    if (text === undefined) return undefined
    return (
      parseImportTime(text) ?? this.refuse(key, 'no time', 'a time such as 2011-10-11T13:45:40.276+02:00')
    )
  }

  findCount(key: string): number | undefined {
    const value = this.find(key)
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 1))
      return value
    return this.refuse(key, 'no whole number from 1', 'such a number, or leave it out')
  }

  findTexts(key: string): readonly string[] | undefined {
    const value = this.find(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    return this.refuse(key, 'not a list of strings', 'a list such as ["customer:7"]')
  }

  findMapping(key: string): Mapping | undefined {
    const value = this.find(key)
    if (value === undefined || isMapping(value)) return value
    return this.refuse(key, 'not an object', 'an object, or leave it out')
  }

  refuse(key: string, found: string, expected: string): never {
    throw new ImportError(this.object.line, `field "${key}" is ${found}`, `Give ${expected}.`)
  }
}

function isMapping(value: Json): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
