import { formatTime, parseTime } from '../../event/time.ts'

const PATTERN =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?:(:\d\d)(?:[.,](\d+))?)? ?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/

/**
 * Reads a time as exports write it: ISO 8601 with `T` or a space, with or without seconds, fraction and
 * zone, or a date alone. Without a zone it is UTC. Digits finer than a millisecond are cut.
 *
 * @returns the stored form, `2011-10-11T11:45:40.276Z`, or undefined if the text is no such time.
 */
export function parseImportTime(text: string): string | undefined {
  const match = PATTERN.exec(text)
  if (match === null) return undefined
  const [, date, minutes = '00:00', seconds = ':00', fraction = '0', zone = 'Z'] = match
  const ms = parseTime(`${date}T${minutes}${seconds}.${fraction}${writeZone(zone)}`)
  return ms === undefined ? undefined : formatTime(ms)
}

/** `+02` and `+0200` as `+02:00`. */
function writeZone(zone: string): string {
  if (zone.length === 1) return 'Z'
  return `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
}
