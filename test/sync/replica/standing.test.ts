import { expect, test } from 'vitest'
import { standingOf } from '../../../src/sync/replica/standing.ts'

test.each([
  { what: 'the same commit', onlyHere: 0, onlyThere: 0, hasLost: false, standing: 'same' },
  { what: 'more commits there', onlyHere: 0, onlyThere: 2, hasLost: false, standing: 'continues' },
  { what: 'commits of our own', onlyHere: 2, onlyThere: 0, hasLost: false, standing: 'ahead' },
  {
    what: 'commits of our own, and of others there',
    onlyHere: 1,
    onlyThere: 1,
    hasLost: false,
    standing: 'forked',
  },
  { what: 'commits that the remote has lost', onlyHere: 1, onlyThere: 0, hasLost: true, standing: 'rewound' },
  {
    what: 'commits that the remote has replaced',
    onlyHere: 1,
    onlyThere: 3,
    hasLost: true,
    standing: 'rewritten',
  },
])('$what: $standing', ({ what: _, standing, ...facts }) => {
  expect(standingOf(facts)).toBe(standing)
})
