import type { Metadata, NewEvent } from 'memoir'

/** The events of all measurements: the same ones each time, about 280 bytes as a stored line. */
export interface SampleEvent {
  readonly stream: string
  readonly event: NewEvent
}

export const TYPES = [
  'AccountOpened',
  'MoneyDeposited',
  'MoneyWithdrawn',
  'TransferRequested',
  'TransferAccepted',
  'TransferRefused',
  'StandingOrderSet',
  'StandingOrderCancelled',
  'DirectDebitGranted',
  'DirectDebitRevoked',
  'CardIssued',
  'CardBlocked',
  'CardReplaced',
  'LimitRaised',
  'LimitLowered',
  'InterestCredited',
  'FeeCharged',
  'StatementSent',
  'AddressChanged',
  'OwnerAdded',
  'OwnerRemoved',
  'ReviewStarted',
  'ReviewFinished',
  'AccountClosed',
] as const

const CURRENCIES = ['EUR', 'CHF', 'GBP', 'USD']

/** What the data of every sample event holds. */
export interface SampleData {
  readonly amount: number
  readonly currency: string
  readonly reference: string
  readonly note: string
}

/** The sample event of a number, in one of so many streams. */
export function sampleEvent(number: number, streams: number): SampleEvent {
  const random = mix(number)
  const data: SampleData = {
    amount: random % 100_000,
    currency: CURRENCIES[random & 3]!,
    reference: `R-${String(number).padStart(8, '0')}`,
    note: 'monthly payment',
  }
  return {
    stream: `account-${mix(random) % streams}`,
    event: {
      type: TYPES[mix(number + 0x5bd1) % TYPES.length]!,
      data,
      metadata: { actor: `user-${random % 1000}`, correlationId: `c-${random}` },
    },
  }
}

export function sampleEvents(count: number, streams: number, from = 0): SampleEvent[] {
  return Array.from({ length: count }, (_, at) => sampleEvent(from + at, streams))
}

/** A sample event with all that its stored line holds. */
export interface SampleRecord {
  readonly id: string
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly time: string
  readonly data: unknown
  readonly metadata: Metadata | undefined
}

/** Gives sample events their versions, in order, as a log would. */
export class SampleRecorder {
  private readonly versions = new Map<string, number>()

  record({ stream, event: { type, data, metadata } }: SampleEvent, number: number): SampleRecord {
    const version = (this.versions.get(stream) ?? 0) + 1
    this.versions.set(stream, version)
    const hex = (length: number, value: number) => value.toString(16).padStart(length, '0')
    const id = `019ab0f1-${hex(4, number >>> 16)}-7${hex(3, number & 0xfff)}-8${hex(3, number >>> 20)}-${hex(12, mix(number))}`
    return { id, stream, version, type, time: '2026-11-23T05:21:48.123Z', data, metadata }
  }
}

export function sampleRecords(count: number, streams: number): SampleRecord[] {
  const recorder = new SampleRecorder()
  return sampleEvents(count, streams).map((event, number) => recorder.record(event, number))
}

/** Scatters a number over 32 bits: the finaliser of MurmurHash3. */
function mix(number: number): number {
  let hash = number ^ 0x9747b28c
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
