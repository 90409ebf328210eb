// The projections of the demo, as a module that the command line can use as well:
//   npx memoir -C .demo/receipt.git state openCases --projections demo/projections.js
import { projection } from 'memoir'

const TYPES = [
  'Confirmation of receipt',
  'T02 Check confirmation of receipt',
  'T03 Adjust confirmation of receipt',
  'T04 Determine confirmation of receipt',
  'T05 Print and send confirmation of receipt',
  'T06 Determine necessity of stop advice',
  'T07-1 Draft intern advice aspect 1',
  'T07-2 Draft intern advice aspect 2',
  'T07-3 Draft intern advice hold for aspect 3',
  'T07-4 Draft internal advice to hold for type 4',
  'T07-5 Draft intern advice aspect 5',
  'T08 Draft and send request for advice',
  'T09-1 Process or receive external advice from party 1',
  'T09-2 Process or receive external advice from party 2',
  'T09-3 Process or receive external advice from party 3',
  'T09-4 Process or receive external advice from party 4',
  'T10 Determine necessity to stop indication',
  'T11 Create document X request unlicensed',
  'T12 Check document X request unlicensed',
  'T13 Adjust document X request unlicensed',
  'T14 Determine document X request unlicensed',
  'T15 Print document X request unlicensed',
  'T16 Report reasons to hold request',
  'T17 Check report Y to stop indication',
  'T18 Adjust report Y to stop indicition',
  'T19 Determine report Y to stop indication',
  'T20 Print report Y to stop indication',
]

/** With one of these a case leaves the receiving phase. */
const LAST_STEPS = new Set([
  'T10 Determine necessity to stop indication',
  'T15 Print document X request unlicensed',
  'T20 Print report Y to stop indication',
])

/** The same handler for every event type. */
const always = (handler) => Object.fromEntries(TYPES.map((type) => [type, handler]))

/** Which cases are still in the receiving phase, by department. */
export const openCases = projection({
  name: 'openCases',
  version: 1,
  init: () => new Map(),
  when: always((departments, { stream, type, data }) => {
    const department = data['case:department']
    const open = departments.get(department) ?? new Set()
    if (type === 'Confirmation of receipt') open.add(stream)
    if (LAST_STEPS.has(type)) open.delete(stream)
    departments.set(department, open)
  }),
})

/** How many steps each person did. */
export const workByActor = projection({
  name: 'workByActor',
  version: 1,
  init: () => new Map(),
  when: always((actors, { metadata }) => {
    const actor = metadata.actor ?? 'nobody named'
    actors.set(actor, (actors.get(actor) ?? 0) + 1)
  }),
})

/** When each case had its first and its last step. */
export const caseDuration = projection({
  name: 'caseDuration',
  version: 1,
  init: () => new Map(),
  when: always((cases, { stream, time }) => {
    const { first } = cases.get(stream) ?? { first: time }
    const days = (Date.parse(time) - Date.parse(first)) / 86_400_000
    cases.set(stream, { first, last: time, days: Math.round(days * 100) / 100 })
  }),
})
