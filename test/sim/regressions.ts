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
  'a file that is renamed before the database could note that it was written is no copy': {
    replicas: 2,
    full: [false, false, false, false],
    seed: 0,
    steps: [
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'full', on: 0, after: 2, times: 1 },
      { do: 'wait', ms: 250 },
      { do: 'save', on: 0, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
      { do: 'new', on: 0, at: 0 },
      { do: 'move', on: 0, record: 5 },
    ],
  },
  'what was displaced goes after ten seconds, also when the clock was set back by an hour before a crash': {
    replicas: 2,
    full: [false, false, false, false],
    seed: 0,
    steps: [
      { do: 'clock', on: 0, ms: -3600000 },
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'wait', ms: 250 },
      { do: 'crash', on: 0, after: 1 },
      { do: 'wait', ms: 1 },
      { do: 'save', on: 0, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
      { do: 'load', on: 0, who: 0, record: 0 },
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'save', on: 0, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
    ],
  },
  'a file that is renamed while its record is being renamed from elsewhere is no copy': {
    replicas: 2,
    full: [false, false, false, false],
    seed: 0,
    steps: [
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'move', on: 1, record: 3 },
      { do: 'wait', ms: 40 },
      { do: 'delete', on: 0, record: 0 },
      { do: 'move', on: 0, record: 3 },
      { do: 'wait', ms: 1 },
      { do: 'command', on: 0, record: 0, at: 0, what: 'insert' },
      { do: 'save', on: 0, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
    ],
  },
  'a file that was made by hand may be saved again by an editor that does not know its front matter': {
    replicas: 2,
    full: [false, false, false, false],
    seed: 0,
    steps: [
      { do: 'new', on: 1, at: 0 },
      { do: 'save', on: 1, who: 1, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
      { do: 'wait', ms: 250 },
      { do: 'wait', ms: 250 },
      { do: 'save', on: 1, who: 1, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
    ],
  },
  'what was merged of a broken file is not merged again when the file is mended with the status of an older text': {
    replicas: 2,
    full: [false, true, false, false],
    seed: 0,
    steps: [
      { do: 'save', on: 3, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'status' },
      { do: 'wait', ms: 300 },
      { do: 'break', on: 0, record: 0, at: 0 },
      { do: 'save', on: 0, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
      { do: 'wait', ms: 2500 },
      { do: 'save', on: 0, who: 0, record: 0, at: 0, isFresh: false, style: 'inplace', edit: 'insert' },
      { do: 'unlink', on: 0, record: 3 },
      { do: 'delete', on: 0, record: 0 },
    ],
  },
}
