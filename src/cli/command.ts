import type { Context } from './context.ts'
import { ExitCode } from './exit-code.ts'

/** An argument or an option of a command, and how what was typed becomes a value. */
export interface Input<Value> {
  readonly kind: 'argument' | 'option'
  /** As the help shows it: `<stream>`, `[path]`, `[words...]`, `--limit <n>`, `--json`. */
  readonly form: string
  readonly text: string
  /** @param given what was typed, in order; empty when it was left out */
  read(given: readonly string[]): Value
}

/** A command line that works as it stands, in a folder that holds a log. */
export interface Example {
  readonly run: string
  readonly text: string
}

type Inputs = Readonly<Record<string, Input<unknown>>>
type Values<Of extends Inputs> = {
  readonly [Name in keyof Of]: Of[Name] extends Input<infer Value> ? Value : never
}

interface Description<Of extends Inputs> {
  /** Arguments in their order, then options. */
  readonly inputs: Of
  readonly examples: readonly Example[]
  /** What the help says beside the summary. */
  readonly notes?: string
  /** It is told by its arguments where its log is, or will be: -C means nothing to it. */
  readonly namesFolder?: boolean
  readonly run: (values: Values<Of>, context: Context) => Promise<ExitCode> | Promise<void>
}

/** A command of the program. Made by `command`. */
export interface Command extends Omit<Description<Inputs>, 'run'> {
  /** @param given what was typed for each input */
  readonly run: (given: ReadonlyMap<string, readonly string[]>, context: Context) => Promise<ExitCode>
}

/** Describes a command; `run` gets the values that its inputs read, under their names. */
export function command<Of extends Inputs>(description: Description<Of>): Command {
  return {
    ...description,
    run: async (given, context) => {
      const values = Object.entries(description.inputs).map(([name, input]) => [
        name,
        input.read(given.get(name) ?? []),
      ])
      // Each value was read by the input that Values takes its type from.
      const ended = await description.run(Object.fromEntries(values) as Values<Of>, context)
      return ended ?? ExitCode.done
    },
  }
}

type Parse<Value> = (text: string, form: string) => Value

/** An argument that has to be there. */
export function argument(name: string, text: string): Input<string> {
  return { kind: 'argument', form: `<${name}>`, text, read: ([given = '']) => given }
}

/** An argument that may be left out. */
export function optionalArgument(name: string, text: string): Input<string | undefined> {
  return { kind: 'argument', form: `[${name}]`, text, read: ([given]) => given }
}

/** All arguments that are left. */
export function restArguments(name: string, text: string): Input<readonly string[]> {
  return { kind: 'argument', form: `[${name}...]`, text, read: (given) => given }
}

/** An option that is there or not. */
export function flag(form: string, text: string): Input<boolean> {
  return { kind: 'option', form, text, read: (given) => given.length > 0 }
}

/** An option with a value; given twice, the last counts. */
export function option(form: string, text: string): Input<string | undefined>
export function option<Value>(form: string, text: string, parse: Parse<Value>): Input<Value | undefined>
export function option<Value>(
  form: string,
  text: string,
  parse?: Parse<Value>,
): Input<Value | string | undefined> {
  const read = (last: string | undefined) => (last === undefined || !parse ? last : parse(last, form))
  return { kind: 'option', form, text, read: (given) => read(given.at(-1)) }
}

/** An option that may be given several times. */
export function listOption(form: string, text: string): Input<readonly string[] | undefined> {
  const read = (given: readonly string[]) => (given.length === 0 ? undefined : given)
  return { kind: 'option', form, text: `${text}; may be given several times`, read }
}

/** The option of every command that prints data. */
export const json = flag('--json', 'print JSON, for programs')
