import {
  Argument,
  type Command as CommanderCommand,
  CommanderError,
  Option,
  Command as Program,
} from 'commander'
import { UsageError } from '../event/errors.ts'
import type { Command, Input } from './command.ts'
import { type CommandName, commands } from './commands.ts'
import type { Context } from './context.ts'
import { ExitCode } from './exit-code.ts'
import { packageVersion } from './version.ts'

/**
 * Runs a command line: finds the command, reads its arguments and options, loads and runs it.
 *
 * @throws UsageError, and whatever the command throws
 */
export async function runProgram(words: readonly string[], context: Context): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.done
  let help = 'memoir --help'
  const program = describeProgram(context)
  program.hook('preSubcommand', async (_, chosen) => {
    const command = await commands[chosen.name() as CommandName].load()
    describeCommand(chosen, command, context)
    help = `memoir ${chosen.name()} --help`
    chosen.action(async () => {
      const folder = chosen.getOptionValue('C') ?? program.getOptionValue('C') ?? context.folder
      if (folder === '') throw new UsageError('-C needs the path of a folder, not ""')
      if (folder !== undefined && command.namesFolder) {
        throw new UsageError(`-C means nothing to ${chosen.name()}: its arguments say which folder`, {
          hint: `See: ${help}`,
        })
      }
      exitCode = await command.run(givenInputs(chosen, command), { ...context, folder })
    })
  })
  try {
    await program.parseAsync(withInnerWords(withHelp(words)), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw usageError(error, help)
  }
  return exitCode
}

/**
 * `help append`, also behind options of the program, is `append --help`. Of a command that there is not, commander would show
 * the program's help: without that word it says so.
 */
function withHelp(words: readonly string[]): readonly string[] {
  const at = findName(words)
  const name = words[at]
  if (name === 'help') return withHelp([...words.slice(0, at), ...words.slice(at + 1), '--help'])
  const isKnown = name === undefined || Object.hasOwn(commands, name)
  return isKnown ? words : words.filter((word) => word !== '--help' && word !== '-h')
}

/**
 * `at 3 read --prefix -q` runs `read`, and what stands behind that name is its own: only it knows which of the words are
 * values of options.
 */
function withInnerWords(words: readonly string[]): readonly string[] {
  const outer = findName(words)
  if (words[outer] !== 'at') return words
  const point = findName(words, outer + 1)
  const inner = point === -1 ? -1 : findName(words, point + 1)
  if (inner === -1 || words.slice(0, inner).includes('--')) return words
  return [...words.slice(0, inner), '--', ...words.slice(inner)]
}

/** Where the first word from a place on stands that is neither an option of the program nor its value; -1 without one. */
function findName(words: readonly string[], from = 0): number {
  return words.findIndex((word, n) => n >= from && !word.startsWith('-') && words[n - 1] !== '-C')
}

function describeProgram(context: Context): Program {
  const program = new Program('memoir')
    .description('An event log kept in a Git repository.')
    .usage('[-C <repository>] <command>')
    .helpOption('-h, --help', 'show this help, or that of a command')
    .helpCommand(false)
    // What stands behind a command is the command's: the value of an option may look like one of the program.
    .enablePositionalOptions()
    .exitOverride()
    // What commander would print is thrown as well, and reported as every error is.
    .configureOutput({ outputError: () => undefined, writeOut: (text) => context.output.add(text) })
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (sub) => `${sub.name()} ${commands[sub.name() as CommandName].usage}`.trim(),
    })
  addProgramOptions(program, context)
  for (const [name, { summary }] of Object.entries(commands)) {
    program.command(name).description(summary)
  }
  return program
}

/** Those of the program, which may stand behind a command as well as before it. */
function addProgramOptions(described: CommanderCommand, { messages, debug }: Context): void {
  described
    .option('-C <repository>', "the log's folder (default: the repository of the current folder)")
    .option('-q, --quiet', 'no messages and no progress, only data and errors')
    .option('--debug', 'show where an error comes from (or set MEMOIR_DEBUG=1)')
    .version(packageVersion(), '-V, --version', 'print the version')
    .on('option:quiet', () => messages.beQuiet())
    .on('option:debug', debug)
}

function describeCommand(described: CommanderCommand, command: Command, context: Context): void {
  addProgramOptions(described, context)
  // The help shows them by themselves.
  for (const option of described.options) option.hideHelp()
  for (const input of Object.values(command.inputs)) {
    if (input.kind === 'argument') described.addArgument(new Argument(input.form, input.text))
    else described.addOption(commanderOption(input))
  }
  const examples = command.examples.map(({ run, text }) => `  ${run}\n      ${text}`)
  const notes = command.notes === undefined ? '' : `\n${command.notes}\n`
  described.addHelpText('after', `${notes}\nExamples:\n${examples.join('\n')}`)
}

function commanderOption({ form, text }: Input<unknown>): Option {
  return new Option(form, text).argParser<string[]>((value, before) => [...(before ?? []), value])
}

/** What was typed for each input of a command. */
function givenInputs(described: CommanderCommand, command: Command): Map<string, readonly string[]> {
  const words = [...described.args]
  return new Map(
    Object.entries(command.inputs).map(([name, input]): [string, readonly string[]] => {
      const takes = input.form.includes('...') ? words.length : 1
      if (input.kind === 'argument') return [name, words.splice(0, takes)]
      const value: unknown = described.getOptionValue(commanderOption(input).attributeName())
      // A flag has no value; all others were collected in a list by commanderOption.
      return [name, Array.isArray(value) ? value : value === undefined ? [] : ['']]
    }),
  )
}

/** Commander's message without its prefix, and its suggestion as the hint. */
function usageError({ code, message }: CommanderError, help: string): UsageError {
  if (code === 'commander.help') return new UsageError('no command given', { hint: `See: ${help}` })
  const [, problem = message, nearest] =
    /^(?:error: )?(.*?)\s*(?:\(Did you mean (.*)\?\))?$/s.exec(message) ?? []
  return new UsageError(problem, {
    hint: nearest === undefined ? `See: ${help}` : `Did you mean ${nearest}?`,
  })
}
