/**
 * Loaded before a program (`node --require`): its clock on the wall is late or early by the milliseconds that a file
 * says, also when that changes while it runs. Timers and what is measured stay as they are, as with a clock that is set.
 */
const { readFileSync } = require('node:fs')

const file = process.env.ORCH_TEST_CLOCK
const EVERY_MS = 10
const realNow = Date.now
let lookedAt = Number.NEGATIVE_INFINITY
let shift = 0

Date.now = () => {
  const now = performance.now()
  if (now - lookedAt > EVERY_MS) {
    lookedAt = now
    shift = Number(readFileSync(file, 'utf8'))
  }
  return realNow() + shift
}
