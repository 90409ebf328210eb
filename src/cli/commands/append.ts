import { UsageError } from '../../event/errors.ts'
import type { Json, Metadata } from '../../event/event.ts'
import { argument, command, flag, json, listOption, option } from '../command.ts'
import { oneOf, parseExpectedVersion, parsePlace } from '../input-values.ts'
import { readJson } from '../json-input.ts'
import { openForSharing, openForWriting } from '../opening.ts'
import { printable } from '../terminal-text.ts'
import { withoutAbsent } from '../without-absent.ts'

export const append = command({
  inputs: {
    stream: argument('stream', 'the stream, such as account-1'),
    type: argument('type', 'what happened, such as MoneyDeposited'),
    data: option('--data <json>', 'the data, as JSON; - reads it from standard input (default: {})'),
    dataFile: option('--data-file <path>', 'a file that holds the data, as JSON'),
    metadata: option(
      '--metadata <json>',
      'facts about the event, as a JSON object; - reads it from standard input',
    ),
    metadataFile: option('--metadata-file <path>', 'a file that holds the metadata, as JSON'),
    tags: listOption('--tag <tag>', 'a tag'),
    schema: option('--schema <n>', "version of the type's schema (default: 1)", parsePlace),
    id: option('--id <id>', 'makes a retry safe: an id is never stored twice'),
    time: option('--time <time>', 'when it was recorded (default: now), not before the last event'),
    expect: option(
      '--expect <version>',
      'where the stream has to stand: a version, any, no-stream or stream-exists',
      parseExpectedVersion,
    ),
    shared: flag('--shared', 'others append to the remote as well: wait until it has the event'),
    remote: option('--remote <remote>', 'with --shared: name or address of the remote (default: origin)'),
    ack: option(
      '--ack <level>',
      'how safe the event is at the end: written, journaled, committed (default) or pushed (default with --shared)',
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
    {
      run: 'memoir append account-1 MoneyDeposited --expect 2 --shared',
      text: 'to a remote that others append to as well',
    },
  ],
  async run({ stream, type, expect, shared, remote, ack, json, ...fields }, context) {
    const { tags, schema, id, time } = fields
    if (remote !== undefined && !shared) {
      throw new UsageError('--remote goes with --shared', {
        hint: 'Without --shared, --ack pushed waits for origin.',
      })
    }
    if (fields.data === '-' && fields.metadata === '-') {
      throw new UsageError('--data and --metadata cannot both come from standard input')
    }
    const data = await readJson('--data', fields.data, fields.dataFile, context.signal)
    const metadata = asMetadata(
      await readJson('--metadata', fields.metadata, fields.metadataFile, context.signal),
    )
    const given = withoutAbsent({ data, metadata, tags, schema, id, time })
    await using log = await (shared ? openForSharing(context, remote) : openForWriting(context))
    const level = ack ?? (shared ? 'pushed' : 'committed')
    const options = { expectedVersion: expect ?? 'any', ack: level, signal: context.signal }
    const result = await log.append(stream, [{ type, ...given }], options)
    if (json) return context.output.json(result)
    if ('isProvisional' in result) {
      return context.output.line(`accepted  ${printable(`${type}  ${stream}`)}, to be pushed`)
    }
    const { position, version, commit } = result
    const where = commit === undefined ? '' : `, commit ${commit.slice(0, 12)}`
    await context.output.line(`${position}  ${printable(`${type}  ${stream}@${version}`)}${where}`)
  },
})

function asMetadata(value: Json | undefined): Metadata | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Metadata
  throw new UsageError('the metadata is no JSON object', { hint: `Give one such as '{"actor":"ada"}'.` })
}
