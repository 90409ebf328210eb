import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import type { Json } from './event.ts'
import { InvalidBatchError } from './invalid-batch.ts'
import { encodeRecord } from './record.ts'
import { findNumberProblem, isTooSmall, MAX_DEPTH, TOO_SMALL } from './strict-json.ts'
import { INVISIBLE } from './yaml-text.ts'

/** How much aliases may add to a file, in characters and values: aliases of aliases grow without bound. */
const MAX_ALIASED = 1 << 20
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/

/** {@link decodeYaml}'s twin that loads the `yaml` package. */
export function readYaml(text: string, path: string): string {
  return new YamlReader(text, path).read()
}

/** Walks a parsed document and builds each event as a plain value. */
class YamlReader {
  private readonly lines = new LineCounter()
  private readonly anchors = new Map<string, { readonly value: Json; readonly size: number }>()
  /** Size of what was built so far, in which each alias counts in full. */
  private size = 0
  private aliased = 0

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  read(): string {
    this.checkCharacters()
    const root = this.parse().contents
    if (!isSeq(root)) return this.refuse(1, 'is not a list', 'a list of events, each starting with "- "')
    if (root.items.length === 0) this.refuse(1, 'holds no events', 'at least one')
    return root.items.map((item) => this.event(item)).join('')
  }

  private checkCharacters(): void {
    const at = this.text.search(INVISIBLE)
    if (at === -1) return
    const line = this.text.slice(0, at).split('\n').length
    const character = this.text[at]!
    if (character === '\r') this.refuse(line, 'holds a carriage return', 'LF alone at the end of a line')
    if (character === '\t') this.refuse(line, 'holds a tab', 'spaces, or \\t in double quotes')
    if (character === '\ufeff' && at === 0) {
      this.refuse(1, 'begins with a byte order mark', 'UTF-8 without a mark')
    }
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    this.refuse(line, `holds the invisible character U+${code}`, `it as \\u${code} in double quotes`)
  }

  private parse(): Document.Parsed {
    const document = this.parseDocument()
    const [problem] = [...document.errors, ...document.warnings]
    if (problem === undefined) return this.checkVersion(document)
    const { line } = this.lines.linePos(problem.pos[0])
    if (problem.code === 'MULTIPLE_DOCS') this.refuse(line, 'starts a second document', 'one document a file')
    return this.refuse(line, `is not valid YAML (${problem.code})`, 'YAML 1.2 without tags and directives')
  }

  /** The parser reads what says that it is YAML 1.1 as 1.2, where `yes` and `012` are other values. */
  private checkVersion(document: Document.Parsed): Document.Parsed {
    const { version } = document.directives.yaml
    if (version === '1.2') return document
    const line = this.text.slice(0, this.text.search(/^%YAML/m)).split('\n').length
    return this.refuse(line, `says that it is YAML ${version}`, 'YAML 1.2')
  }

  private parseDocument(): Document.Parsed {
    try {
      return parseDocument(this.text, {
        version: '1.2',
        schema: 'core',
        lineCounter: this.lines,
        intAsBigInt: true,
        resolveKnownTags: false,
        // The library compares each key with all others; `mapping` below uses a Set.
        uniqueKeys: false,
        prettyErrors: false,
        // 'silent' would also hide that a second document follows.
        logLevel: 'error',
      })
    } catch (cause) {
      // The library recurses: a text of nothing but opening brackets exhausts the stack.
      return this.refuse(1, 'cannot be parsed', `YAML nested at most ${MAX_DEPTH} levels deep`, cause)
    }
  }

  private event(node: ParsedNode): string {
    // The event itself is a level around its data.
    const value = this.value(node, MAX_DEPTH + 1)
    return encodeRecord(value, (problem, expected, field) =>
      this.refuse(this.lineOfField(node, field), problem, expected),
    )
  }

  private lineOfField(node: ParsedNode, field: string | undefined): number {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === field) : undefined
    return this.lineOf(pair?.key ?? node)
  }

  private value(node: ParsedNode | null, depthLeft: number): Json {
    if (node === null) return null
    if (isAlias(node)) return this.alias(node.source, node, depthLeft)
    if (node.tag !== undefined) this.refuse(node, 'holds a tag', 'values without "!" tags')
    const before = this.size++
    const value = isScalar(node) ? this.scalar(node) : this.collection(node, depthLeft - 1)
    if (node.anchor !== undefined) this.anchors.set(node.anchor, { value, size: this.size - before })
    return value
  }

  private alias(name: string, node: ParsedNode, depthLeft: number): Json {
    const anchor = this.anchors.get(name)
    if (anchor === undefined)
      return this.refuse(node, 'holds an alias without an anchor', 'the anchor before it')
    this.size += anchor.size
    this.aliased += anchor.size
    if (this.aliased > MAX_ALIASED) {
      this.refuse(node, 'aliases too much', `aliases that stand for at most ${MAX_ALIASED} characters`)
    }
    if (levelsOf(anchor.value) > depthLeft) this.refuseDepth(node)
    return anchor.value
  }

  private collection(node: Exclude<ParsedNode, Scalar.Parsed>, depthLeft: number): Json {
    if (depthLeft < 0) this.refuseDepth(node)
    if (isMap(node)) return this.mapping(node, depthLeft)
    if (isSeq(node)) return node.items.map((item) => this.value(item, depthLeft))
    return this.refuse(node, 'holds something unknown', 'a list or a mapping')
  }

  private mapping(node: YAMLMap.Parsed, depthLeft: number): Json {
    const members = new Map<string, Json>()
    for (const { key, value } of node.items) {
      const name = isScalar(key) && key.tag === undefined ? key.value : undefined
      if (typeof name !== 'string') {
        return this.refuse(key, 'has a key that is not a string', 'a string; quote a number, true, null …')
      }
      this.checkString(name, key)
      if (members.has(name)) this.refuse(key, 'has a key that stands twice in its mapping', 'each key once')
      members.set(name, this.value(value, depthLeft))
    }
    // Defines each member as an own property, also one called __proto__.
    return Object.fromEntries(members)
  }

  private scalar(node: Scalar.Parsed): Json {
    const { value } = node
    if (typeof value === 'bigint' || typeof value === 'number') return this.number(node, Number(value))
    if (typeof value === 'string') return this.checkString(value, node)
    if (typeof value === 'boolean' || value === null) return value
    return this.refuse(node, 'holds an unknown value', 'a string, number, boolean or null')
  }

  private number(node: Scalar.Parsed, value: number): number {
    const problem = findNumberProblem(value)
    if (problem !== undefined)
      this.refuse(node, `holds ${problem}`, 'a number that a double holds, or quotes')
    // 0x1F, 012 and 1_000 are numbers to some readers and text to others.
    if (!JSON_NUMBER.test(node.source)) {
      this.refuse(
        node,
        'holds a number in a form that JSON lacks',
        'digits as in JSON, or quotes around text',
      )
    }
    if (isTooSmall(node.source)) this.refuse(node, `holds ${TOO_SMALL}`, 'quotes around it')
    return value
  }

  private checkString(text: string, node: ParsedNode): string {
    if (!text.isWellFormed()) {
      this.refuse(node, 'holds half of a surrogate pair', 'whole characters, such as \\U0001F600')
    }
    this.size += text.length
    return text
  }

  private refuseDepth(node: ParsedNode): never {
    this.refuse(node, 'is nested too deeply', `at most ${MAX_DEPTH} levels`)
  }

  private refuse(place: ParsedNode | number, problem: string, expected: string, cause?: unknown): never {
    const line = typeof place === 'number' ? place : this.lineOf(place)
    throw new InvalidBatchError(this.path, line, problem, expected, cause)
  }

  private lineOf(node: ParsedNode): number {
    return this.lines.linePos(node.range[0]).line
  }
}

function levelsOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce((most: number, inner) => Math.max(most, levelsOf(inner)), 0)
}
