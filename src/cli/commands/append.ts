import { readFile } from 'node:fs/promises'
import { text as readText } from 'node:stream/consumers'
import { UsageError } from '../../event/errors.ts'
import type { Json, Metadata } from '../../event/event.ts'
import { parseStrictJson } from '../../event/strict-json.ts'
import { argument, command, json, listOption, option } from '../command.ts'
import { InputFileError } from '../errors.ts'
import { oneOf, parseExpectedVersion, parsePlace } from '../input-values.ts'
import { openForWriting } from '../opening.ts'
import { standardInput } from '../standard-input.ts'
import { printable } from '../terminal-text.ts'

export const append = command({
  inputs: {
    stream: argument('stream', 'the stream, such as account-1'),
    type: argument('type', 'what happened, such as MoneyDeposited'),
    data: option('--data <json>', 'the data, as JSON; - reads it from standard input (default: {})'),
    dataFile: option('--data-file <path>', 'a file that holds the data, as JSON'),
    metadata: option('--metadata <json>', 'facts about the event, as a JSON object', parseMetadata),
    tags: listOption('--tag <tag>', 'a tag'),
    schema: option('--schema <n>', "version of the type's schema (default: 1)", parsePlace),
    id: option('--id <id>', 'makes a retry safe: an id is never stored twice'),
    time: option('--time <time>', 'when it was recorded (default: now), not before the last event'),
    expect: option(
      '--expect <version>',
      'where the stream has to stand: a version, any, no-stream or stream-exists',
      parseExpectedVersion,
    ),
    ack: option(
      '--ack <level>',
      'how safe the event is at the end: written, journaled, committed (default) or pushed',
      oneOf('written', 'journaled', 'committed', 'pushed'),
    ),
    json,
  },
  examples: [
    {
      run: `memoir append account-1 MoneyDeposited --data '{"amount":10}'`,
      text: 'one event',
    },
    {
      run: `echo '{"owner":"Ada"}' | memoir append account-9 AccountOpened --data - --expect no-stream`,
      text: 'only if there is no such stream yet',
    },
  ],
  async run({ stream, type, expect, ack = 'committed', json, ...fields }, context) {
    const { metadata, tags, schema, id, time } = fields
    const data = await readData(fields, context.signal)
    const event = { type, data, metadata, tags, schema, id, time }
    await using log = await openForWriting(context)
    const given = Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined))
    const result = await log.append(stream, [{ type, ...given }], { expectedVersion: expect ?? 'any', ack })
    if (json) return context.output.json(result)
    const { position, version, commit } = result
    const where = commit === undefined ? '' : `, commit ${commit.slice(0, 12)}`
    await context.output.line(`${position}  ${printable(`${type}  ${stream}@${version}`)}${where}`)
  },
})

async function readData(
  { data, dataFile }: { readonly data: string | undefined; readonly dataFile: string | undefined },
  signal: AbortSignal,
): Promise<Json | undefined> {
  if (dataFile === undefined) {
    if (data === undefined) return undefined
    return data === '-'
      ? parseStrictJson(await readText(standardInput(signal)), { name: 'standard input' })
      : parseStrictJson(data, { name: '--data' })
  }
  if (data !== undefined) throw new UsageError('--data and --data-file cannot both be given')
  const content = await readFile(dataFile, 'utf8').catch((cause: unknown) => {
    throw new InputFileError(dataFile, cause)
  })
  return parseStrictJson(content, { name: dataFile })
}

function parseMetadata(text: string): Metadata {
  const value = parseStrictJson(text, { name: '--metadata' })
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Metadata
  throw new UsageError('--metadata is no JSON object', { hint: `Give one such as '{"actor":"ada"}'.` })
}
