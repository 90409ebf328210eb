import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { InvalidBatchError } from '../../src/event/invalid-batch.ts'
import { encodeRecord } from '../../src/event/record.ts'
import { canConcatenate, decodeYaml, encodeYaml } from '../../src/event/yaml-codec.ts'

const PATH = 'events/000000/000000000043.yaml'
const EVENT = {
  id: '0192e5f0-1234-7abc-8def-000000000001',
  stream: 'account-1',
  version: 3,
  type: 'MoneyDeposited',
  time: '2026-11-23T05:21:48.123Z',
  data: { amount: 10 },
}

function line(event: object): string {
  return encodeRecord({ ...EVENT, ...event }, (problem) => {
    throw new Error(problem)
  })
}

/** A batch of one event with this YAML as its data, from line 6 on. */
function yaml(data: string): string {
  return `- id: a\n  stream: s\n  version: 1\n  type: T\n  time: 2026-11-23T05:21:48Z\n  data: ${data}\n`
}

async function decodeData(data: string): Promise<unknown> {
  return JSON.parse(await decodeYaml(yaml(data), PATH)).data
}

async function errorOf(text: string): Promise<InvalidBatchError> {
  const error = await decodeYaml(text, PATH).catch((error: unknown) => error)
  if (error instanceof InvalidBatchError) return error
  throw error instanceof Error ? error : new Error('the text was accepted')
}

const awkward = fc.constantFrom(
  ...[
    '',
    ' ',
    'null',
    '~',
    'Null',
    'true',
    'Yes',
    'no',
    'y',
    'N',
    'on',
    'OFF',
    '.nan',
    '.inf',
    '-.INF',
    '<<',
    '=',
  ],
  ...[
    '0123',
    '0x1F',
    '0o17',
    '1e3',
    '1_000',
    '1:20',
    '+1',
    '.5',
    '5.',
    '1.5',
    '2011-10-11',
    '2011-10-11 13:45:40',
  ],
  ...[
    '- a',
    '-',
    '---',
    '...',
    '--- a',
    '?',
    '? a',
    ':',
    ': ',
    'a: b',
    'a:',
    ':a',
    'a #b',
    'a#b',
    '#',
    '# a',
    '%a',
  ],
  ...[
    '&a',
    '*a',
    '!a',
    '!!str a',
    '|',
    '>',
    '|-\n',
    '@a',
    '`a',
    '"',
    "'",
    '"a"',
    "'a'",
    '[',
    ']',
    '[]',
    '{',
    '}',
    '{}',
  ],
  ...[
    ',',
    'a,b',
    'a ',
    ' a',
    'a\t',
    '\ta',
    'a\n',
    '\na',
    'a\n\n',
    '\n',
    '\n\n',
    'a\nb',
    'a\n\nb\n',
    'a \nb',
    'a\n b',
  ],
  ...[
    'a\n\tb',
    ' a\nb',
    'a\r\nb',
    'a\rb',
    '\0',
    '\x07',
    '\x7f',
    '\x85',
    'a\x85b',
    '\u2028',
    '\u2029',
    'a\u2028b\nc',
  ],
  ...[
    '\ufeff',
    '\ufeffa',
    '\u00a0',
    'a\u00a0',
    '\u00a0a\nb',
    'a\n\u00a0b',
    '\u202e',
    '\u200b',
    '😀',
    '👨‍👩‍👧',
    'é',
    'e\u0301',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'a\\b',
    'a"b',
    '\\',
    'a\n---\nb',
    'a\n...\nb',
    'a\n# b',
    'a\n- b\n',
    '\u3000a',
  ],
  ...[
    'x'.repeat(1030),
    'key with spaces',
    'a\u2003b',
    'a\n\u2003\nb',
    '12e03',
    '0.',
    '1e',
    'e1',
    '0b1',
    '010',
    '1__0',
  ],
)
const text = fc.oneof(
  awkward,
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'ab:#-\n "\'&*!|>%@,[]{}?\t01.') }),
  fc.lorem({ mode: 'sentences' }),
)
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constantFrom(1e-7, 5e-324),
)
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(text, number, fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(text, tie('json'), { maxKeys: 4 }),
  ),
}))
const name = fc.stringMatching(/^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff]{1,30}$/)
const lines = fc
  .array(
    fc
      .record(
        {
          id: fc.oneof(fc.uuid(), name),
          stream: name,
          version: fc.integer({ min: 1 }),
          type: name,
          schema: fc.integer({ min: 2 }),
          tags: fc.array(name, { minLength: 1, maxLength: 3 }),
          data: json,
          metadata: fc.dictionary(text, json, { minKeys: 1, maxKeys: 3 }),
        },
        { requiredKeys: [] },
      )
      .map(line),
    { minLength: 1, maxLength: 4 },
  )
  .map((events) => events.join(''))

/** A value so many levels deep inside of lists. */
function nested(levels: number, value: unknown): unknown {
  return levels === 0 ? value : nested(levels - 1, [value])
}

describe('encodeYaml', () => {
  it('writes a batch as one would by hand', () => {
    const event = line({
      tags: ['customer:7', '2011-10-11'],
      data: {
        amount: 10,
        rate: 1e-7,
        note: 'Two lines,\nand a blank one:\n\n# the end\n',
        answer: 'yes',
        when: '2011-10-11',
        items: [{ sku: 'A 1', count: 2 }, ['x', []], {}],
        empty: '',
        nothing: null,
      },
      metadata: { actor: 'Zoë (office)' },
    })
    expect(encodeYaml(event + line({ version: 4, data: {} }))).toBe(`\
- id: 0192e5f0-1234-7abc-8def-000000000001
  stream: account-1
  version: 3
  type: MoneyDeposited
  tags:
    - customer:7
    - "2011-10-11"
  time: "2026-11-23T05:21:48.123Z"
  data:
    amount: 10
    rate: 1.0e-7
    note: |
      Two lines,
      and a blank one:

      # the end
    answer: "yes"
    when: "2011-10-11"
    items:
      - sku: A 1
        count: 2
      - - x
        - []
      - {}
    empty: ""
    nothing: null
  metadata:
    actor: Zoë (office)
- id: 0192e5f0-1234-7abc-8def-000000000001
  stream: account-1
  version: 4
  type: MoneyDeposited
  time: "2026-11-23T05:21:48.123Z"
  data: {}
`)
  })

  it('is undone by decodeYaml, to the byte', async () => {
    await fc.assert(
      fc.asyncProperty(lines, async (batch) => {
        expect(await decodeYaml(encodeYaml(batch), PATH)).toBe(batch)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a list deep inside of others', nested(95, Array(2000).fill(1)), undefined],
    [
      'an object deep inside of others',
      nested(95, { [`${'key '.repeat(400)}`]: 'a\u0085', b: [] }),
      undefined,
    ],
    ['a long list', { numbers: Array(2000).fill(7) }, { a: 'b' }],
    [
      'lines of text deep inside of lists',
      nested(95, 'a line\n'.repeat(1000)),
      { also: nested(90, ['- &a *b']) },
    ],
  ])('takes no more than twice the room of JSON for %s', async (_, data, metadata) => {
    const batch = line({ data, ...(metadata && { metadata }) }) + line({ version: 4, data: {} })
    const text = encodeYaml(batch)
    expect(text.length).toBeLessThan(2 * batch.length)
    expect(await decodeYaml(text, PATH)).toBe(batch)
  })

  it('writes and reads a text of very many blank lines at once', async () => {
    const text = `a${'\n'.repeat(200_000)}b\n\n`
    const begun = performance.now()
    const written = encodeYaml(line({ data: { text } }))
    expect(JSON.parse(await decodeYaml(written, PATH)).data.text === text).toBe(true)
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  it('writes on one line only what is wide', () => {
    const numbers = Array.from({ length: 100 }, (_, at) => at % 10)
    const text = encodeYaml(line({ data: { items: [{ sku: 'A 1' }], numbers } }))
    expect(text).toContain(`\
  data:
    items:
      - sku: A 1
    numbers: [${numbers.join(', ')}]
`)
  })

  it('escapes the characters that no YAML holds as they are, and reads them either way', async () => {
    const batch = line({ data: { text: 'a\ufffe', lines: 'a\n\uffff', '\uffff': '😀' } })
    const text = encodeYaml(batch)
    // The characters that YAML 1.2 allows in a file (c-printable) but for tab, CR and NEL.
    expect(text).toMatch(/^[\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u)
    expect(text).toContain('\\ufffe')
    expect(await decodeYaml(text, PATH)).toBe(batch)
    expect(await decodeYaml(text.replace('\\ufffe', '\ufffe'), PATH)).toBe(batch)
  })

  it('writes what a YAML 1.1 reader takes for the same values', () => {
    fc.assert(
      fc.property(lines, (batch) => {
        const read: unknown = parse(encodeYaml(batch), { version: '1.1', merge: false, logLevel: 'silent' })
        expect(`${(read as unknown[]).map((event) => JSON.stringify(event)).join('\n')}\n`).toBe(batch)
      }),
      { numRuns: 300 },
    )
  })
})

describe('decodeYaml', () => {
  it('puts the fields in their order and leaves defaults out', async () => {
    const text = `\
# Written by hand.
- data: {b: 1, a: [x, 'y', "z"]}   # flow style is fine
  type: SeatTaken
  time: 2026-11-23T07:21:48+02:00
  version: 1
  schema: 1
  tags: []
  stream: flight-7
  id: e1
- id: e2
  stream: flight-7
  version: 2
  type: SeatTaken
  time: '2026-11-23T07:21:49.5Z'
`
    expect(await decodeYaml(text, PATH)).toBe(
      `{"id":"e1","stream":"flight-7","version":1,"type":"SeatTaken","time":"2026-11-23T05:21:48.000Z","data":{"b":1,"a":["x","y","z"]}}
{"id":"e2","stream":"flight-7","version":2,"type":"SeatTaken","time":"2026-11-23T07:21:49.500Z","data":{}}
`,
    )
  })

  it.each([
    ['2011-10-11', '2011-10-11'],
    ['yes', 'yes'],
    ['1:20', '1:20'],
    ['"\\U0001F600"', '😀'],
    ['', null],
    ['{<<: 1}', { '<<': 1 }],
    ['|\n    a\n     b\n', 'a\n b\n'],
    ['[&x {a: 1}, *x]', [{ a: 1 }, { a: 1 }]],
  ])('reads %j as YAML 1.2 does', async (source, value) => {
    expect(await decodeData(source)).toEqual(value)
  })

  it('keeps a key __proto__ as data', async () => {
    expect(Object.keys((await decodeData('{__proto__: {a: 1}}')) as object)).toEqual(['__proto__'])
  })

  it.each([
    ['{a: 1, "a": 2}', 'stands twice'],
    ['{1: a}', 'not a string'],
    ['{null: a}', 'not a string'],
    ['{[a]: b}', 'not a string'],
    ['.nan', 'NaN'],
    ['-.inf', 'infinite'],
    ['9007199254740993', '2^53'],
    ['1e21', '2^53'],
    ['1e-999', 'too small'],
    [`-0.${'0'.repeat(400)}1`, 'too small'],
    ['0123', 'form that JSON lacks'],
    ['0x1F', 'form that JSON lacks'],
    ['+1', 'form that JSON lacks'],
    ['!!str 1', 'tag'],
    ['!!timestamp 2011-10-11', 'YAML'],
    ['!custom {}', 'YAML'],
    ['*nowhere', 'alias'],
    ['"\\ud800"', 'surrogate'],
    ['"a\tb"', 'tab'],
    ['"a\u202eb"', 'U+202E'],
    ['[', 'not valid YAML'],
    [`${'['.repeat(101)}${']'.repeat(101)}`, 'nested'],
  ])('refuses %j, with its line', async (source, problem) => {
    const error = await errorOf(yaml(source))
    expect(error).toMatchObject({ code: 'invalid-batch', path: PATH })
    // An unclosed bracket is noticed at the end of the file.
    expect(error.line).toBe(source === '[' ? 7 : 6)
    expect(error.message).toContain(problem)
    expect(error.message).toContain('; expected ')
  })

  it('accepts data of 100 levels, and survives brackets without end', async () => {
    await decodeYaml(yaml(`${'['.repeat(100)}${']'.repeat(100)}`), PATH)
    expect((await errorOf(yaml('['.repeat(50_000)))).code).toBe('invalid-batch')
  })

  it('counts the levels that stand behind an alias', async () => {
    const nested = (levels: number, inner: string) => `${'['.repeat(levels)}${inner}${']'.repeat(levels)}`
    const data = (levels: number) => yaml(`{a: &a ${nested(60, '1')}, b: ${nested(levels, '*a')}}`)
    await decodeYaml(data(39), PATH)
    expect((await errorOf(data(40))).message).toContain('nested too deeply')
  })

  it('refuses aliases that grow without bound, at once', async () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `l${i + 1}: &l${i + 1} [*l${i}, *l${i}, *l${i}, *l${i}]`,
    )
    const error = await errorOf(yaml(`{l0: &l0 lol, ${levels.join(', ')}}`))
    expect(error.message).toContain('aliases too much')
  })

  const [head, tail] = ['- id: a\n  stream: s\n', '  type: T\n  time: 2026-11-23T05:21:48Z\n']
  it.each([
    [
      'a wrong version',
      `${head}  version: two\n${tail}`,
      3,
      '"version" is "two"; expected a whole number from 1',
    ],
    ['a missing version', head + tail, 1, '"version" is missing'],
    ['an unknown field', `${head}  version: 1\n  typ: T\n${tail}`, 4, '"typ"'],
    ['a wrong time', `${head}  version: 1\n  type: T\n  time: 2011-02-30T00:00:00Z\n`, 5, '"time"'],
    ['wrong tags', `${head}  version: 1\n  tags: a\n${tail}`, 4, '"tags"'],
    ['a mapping at the top', 'id: a\n', 1, 'not a list'],
    ['an empty file', '', 1, 'not a list'],
    ['another version of YAML', `# by hand\n%YAML 1.1\n---\n${head}`, 2, 'YAML 1.1'],
    ['an empty list', '[]\n', 1, 'no events'],
    ['an event that is text', '- a\n', 1, 'expected an event'],
    ['a second document', `${yaml('1')}---\n${yaml('2')}`, 7, 'second document'],
    ['CR LF', yaml('1').replaceAll('\n', '\r\n'), 1, 'carriage return'],
    ['a byte order mark', `\ufeff${yaml('1')}`, 1, 'byte order mark'],
    ['an unknown directive', `%FOO bar\n---\n${yaml('1')}`, 1, 'not valid YAML'],
    ['bad indentation', `${head} version: 1\n`, 3, 'not valid YAML'],
  ])('refuses %s, with its line', async (_, text, number, problem) => {
    const error = await errorOf(text)
    expect(error.message).toContain(`${PATH}:${number}: `)
    expect(error.message).toContain(problem)
  })

  it('never shows data in an error', async () => {
    for (const source of [
      '{secret: 1, secret: 2}',
      '!secret secret',
      'secret: secret: secret',
      '[secret',
      '"secret\\q"',
    ]) {
      expect((await errorOf(yaml(source))).message).not.toContain('secret')
    }
  })
})

describe('canConcatenate', () => {
  it('accepts what encodeYaml writes, but for text that looks like an anchor', () => {
    fc.assert(
      fc.property(lines, (batch) => {
        const text = encodeYaml(batch)
        fc.pre(!/[&*]/.test(text))
        expect(canConcatenate(text)).toBe(true)
      }),
    )
  })

  it('is true only of texts that read the same when joined', async () => {
    const part = fc.oneof(
      lines.map(encodeYaml),
      fc
        .array(
          fc.oneof(
            fc.constantFrom(
              ...[
                '- id: a\n',
                '  stream: s\n',
                '  version: 1\n',
                '  type: T\n',
                '  time: 2026-11-23T05:21:48Z\n',
              ],
              ...[
                yaml('1'),
                yaml('|+\n    x\n'),
                yaml('|\n    x\n\n'),
                yaml('&a 1'),
                yaml('*a'),
                yaml('[1,\n   2]'),
              ],
              ...[
                '# comment\n',
                '\n',
                '  # inner\n',
                '---\n',
                '...\n',
                '%YAML 1.2\n',
                '[]\n',
                '  data: "x\n',
                '    y"\n',
              ],
              ...[yaml('plain'), '    more\n', '- ', ' ', '\ufeff', '\r'],
            ),
          ),
          { maxLength: 5 },
        )
        .map((parts) => parts.join('')),
    )
    let joined = 0
    await fc.assert(
      fc.asyncProperty(part, part, async (a, b) => {
        if (!canConcatenate(a) || !canConcatenate(b)) return
        const apart = await Promise.all([decodeYaml(a, PATH), decodeYaml(b, PATH)]).catch(() => undefined)
        if (apart === undefined) return
        joined++
        expect(await decodeYaml(a + b, PATH)).toBe(apart.join(''))
      }),
      { numRuns: 1500 },
    )
    expect(joined).toBeGreaterThan(100)
  })

  it.each([
    ['a document marker', `---\n${yaml('1')}`],
    ['an end marker', `${yaml('1')}...\n`],
    ['a directive', `%YAML 1.2\n---\n${yaml('1')}`],
    ['a flow sequence', '[]\n'],
    ['no line feed at the end', yaml('1').trimEnd()],
    ['CR LF', yaml('1').replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${yaml('1')}`],
    ['an indented list', yaml('1').replace(/^/gm, ' ')],
    ['a blank line first', `\n${yaml('1')}`],
    ['an anchor', yaml('&a 1')],
    ['nothing', ''],
    ['only a comment', '# nothing\n'],
  ])('is false for %s', (_, text) => {
    expect(canConcatenate(text)).toBe(false)
  })
})
