import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { checkGlob, globsOverlap } from '../../model/glob.ts'
import type { Reservation } from '../../store/agent-marks.ts'
import { isSameHolder } from '../../store/leases.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { isoTime } from './output.ts'

const MINUTE_MS = 60_000
const DEFAULT_MINUTES = 60
const MAX_MINUTES = 7 * 24 * 60

export const reservationSchema = z.object({
  glob: z.string().describe('the files, as a glob below the repository'),
  actor: z.string().describe('who asked to be alone with them'),
  session: z.string().optional().describe('in which session'),
  note: z.string().optional().describe('what for'),
  until: z.string().describe('until when'),
})

export function shownReservation({ glob, actor, session, note, until }: Reservation) {
  return { glob, actor, ...(session !== '' && { session }), ...(note !== '' && { note }), until: isoTime(until) }
}

interface ReserveInput {
  readonly globs: readonly string[]
  readonly minutes: number
  readonly note: string
  readonly release: boolean
}

/** Saying which files one is about to change. */
export const reservationOperations: readonly Operation[] = [
  defineOperation<ReserveInput, unknown>({
    name: 'reserve',
    effect: 'write',
    role: 'writer',
    help: 'Tells others which files you are about to change, for a while. It stops nobody: others are shown it, and you are shown theirs. Without globs, it lists what is reserved.',
    input: z.strictObject({
      globs: z.array(z.string()).max(50).default([]).describe('files below the repository: src/login/**, docs/*.md'),
      minutes: z.number().int().min(1).max(MAX_MINUTES).default(DEFAULT_MINUTES).describe('for how long, in minutes'),
      note: z.string().max(200).default('').describe('what for'),
      release: z.boolean().default(false).describe('end these reservations of yours, or all of them'),
    }),
    output: z.object({
      items: z.array(reservationSchema).describe('what is reserved now'),
      conflicts: z.array(reservationSchema).describe("others' reservations that overlap with yours"),
    }),
    cli: {
      command: 'reserve',
      positionals: ['globs'],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'glob', head: 'files' },
          { key: 'actor', head: 'actor' },
          { key: 'until', head: 'until', style: 'time' },
          { key: 'note', head: 'what for' },
        ],
        empty: 'Nothing is reserved.',
      },
      examples: ["orch reserve 'src/login/**' --note 'moving the form'", 'orch reserve --release'],
    },
    run({ parts, actor, session, clock }, { globs, minutes, note, release }) {
      const { marks, claims } = parts.agents
      const holder = claims.holderOf({ actor, session })
      const now = clock.now()
      if (release) marks.unreserve(holder, globs.length > 0 ? globs : undefined)
      else {
        for (const glob of globs) {
          const reason = checkGlob(glob)
          if (reason !== undefined)
            throw new OrchError('invalid_input', { field: 'globs', reason: `${glob}: ${reason}` })
        }
        for (const glob of globs) marks.reserve({ glob, ...holder, note, at: now, until: now + minutes * MINUTE_MS })
      }
      const all = marks.reservations(now)
      const conflicts = release
        ? []
        : all.filter((one) => !isSameHolder(one, holder) && globs.some((glob) => globsOverlap(glob, one.glob)))
      return { items: all.map(shownReservation), conflicts: conflicts.map(shownReservation) }
    },
  }),
]
