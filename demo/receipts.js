// Real data: the receiving phase of building-permit applications in a Dutch municipality, October 2010 to
// January 2012. J.C.A.M. Buijs, "Receipt phase of an environmental permit application process (WABO),
// CoSeLoG project", doi 10.4121/uuid:a07386a5-7be3-4367-9535-70bc9e77dbe6.
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'

/** The events with their streams, in the order in which they happened. */
export async function readReceipts(path) {
  const rows = createReadStream(path)
    .pipe(createGunzip())
    .pipe(parse({ columns: true }))
  const receipts = []
  for await (const row of rows) receipts.push(toReceipt(row))
  // The file is grouped by case; the sort is stable, so a case keeps its order where times are equal.
  return receipts.sort((a, b) => a.event.time - b.event.time)
}

function toReceipt({
  'case:concept:name': stream,
  'concept:name': type,
  'time:timestamp': time,
  'org:resource': actor,
  ...rest
}) {
  const data = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ''))
  return { stream, event: { type, time: new Date(time), data, metadata: actor === '' ? {} : { actor } } }
}
