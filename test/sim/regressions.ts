import type { World } from './world.ts'

/** Worlds that once ended wrong, as small as they could be made, by what was wrong. */
export const REGRESSIONS: Readonly<Record<string, World>> = {
  'a file that could not be read for a moment and was renamed then is not named for ever': {
    replicas: 2,
    full: [false, false, false, false],
    seed: 0,
    steps: [
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'eio', on: 0, after: 0, times: 3 },
      { do: 'move', on: 0, record: 0 },
      { do: 'wait', ms: 300 },
    ],
  },
}
