import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { HistoryItem, KeyHistory } from '../../store/history.ts'
import type { Project } from '../../store/project.ts'
import type { Operation } from '../operation.ts'
import { conflictText } from './conflict-text.ts'
import { defineOperation } from './define.ts'
import { isoTime } from './output.ts'

interface Input {
  readonly id?: string | undefined
  readonly actor?: string | undefined
  readonly session?: string | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/** What happened, change by change. */
export const historyOperations: readonly Operation[] = [
  defineOperation<Input, unknown>({
    name: 'history',
    effect: 'read',
    role: 'reader',
    help: 'Lists what was changed, by whom and when, the newest first: everywhere, or in one record or key of the state.',
    input: z.strictObject({
      id: z.string().optional().describe('only what changed this record, or a key of the state: state/currentPhase'),
      actor: z.string().optional().describe('only what this actor changed'),
      session: z.string().optional().describe('only what was changed in this session'),
      limit: z.number().int().min(1).max(200).default(20).describe('how many at most'),
      after: z.string().optional().describe('go on after this page: the next of the page before'),
    }),
    output: z.object({
      items: z
        .array(
          z.object({
            change: z.string().describe('names the change, on every replica'),
            at: z.string().describe('when'),
            actor: z.string().describe('who'),
            session: z.string().nullable().describe('in which session'),
            source: z.string().describe('how it came: api, file, import or room'),
            text: z.string().describe('what, in a line'),
            what: z
              .array(
                z.object({
                  key: z.string().describe('the record, or the key'),
                  kind: z.string().describe('its kind'),
                  title: z.string().describe('what it is called'),
                  headline: z.string().describe('what was done to it, in a few words'),
                  lines: z.array(z.string()).describe('every field that changed'),
                }),
              )
              .describe('what it did, record by record'),
            more: z.number().describe('how many more records it changed'),
            conflicts: z.array(z.string()).optional().describe('fields that others wrote at the same time'),
          }),
        )
        .describe('the changes'),
      next: z.string().optional().describe('where the next page begins'),
    }),
    cli: {
      command: 'history',
      positionals: ['id'],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'change', head: 'change', style: 'dim' },
          { key: 'at', head: 'when', style: 'time' },
          { key: 'actor', head: 'who' },
          { key: 'session', head: 'session', style: 'dim' },
          { key: 'text', head: 'what' },
          { key: 'conflicts', head: 'conflicts', style: 'dim' },
        ],
        empty: 'Nothing was changed yet.',
      },
      examples: ['orch history', 'orch history t-7f3k --limit 5', 'orch history --actor claude'],
    },
    async run({ project }, { id, session, actor, limit, after }) {
      const key = id === undefined ? undefined : keyOf(project, id)
      const { items, next } = await project.past.history({
        limit,
        ...(key !== undefined && { key }),
        ...(actor !== undefined && { actor }),
        ...(session !== undefined && { session: fullSession(project, session) }),
        ...(after !== undefined && { after }),
      })
      return {
        items: items.map((item) => ({
          ...item,
          at: isoTime(item.at),
          session: item.session === '' ? null : item.session,
          text: textOf(item, key),
          ...conflictsOf(project, item.change),
        })),
        ...(next !== undefined && { next }),
      }
    },
  }),
]

/** The full id of a record, or `state/<key>`. Throws `record_not_found`. */
export function keyOf(project: Project, text: string): string {
  const slash = text.indexOf('/')
  return project.kinds.keys(text.slice(0, Math.max(0, slash))) ? text : project.resolve(text).id
}

/** A session's full id; a name that no session has is taken as it is: a caller may work in a session of its own naming. */
export function fullSession(project: Project, text: string): string {
  try {
    return project.resolve(text).id
  } catch (error) {
    if (error instanceof OrchError && error.code === 'record_not_found') return text
    throw error
  }
}

function textOf({ what, more }: HistoryItem, key: string | undefined): string {
  if (key !== undefined) return what.map(lineOf).join('; ')
  const shown = what.slice(0, 3).map((one) => `${one.key}: ${one.headline}`)
  const hidden = more + what.length - shown.length
  return [...shown, ...(hidden > 0 ? [`and ${hidden} more`] : [])].join('; ')
}

/** Of one record, every field: its headline alone would only name them. */
function lineOf({ headline, lines }: KeyHistory): string {
  return lines.length > 1 && !/^(created|deleted|restored)/.test(headline) ? lines.join('; ') : headline
}

/** The other side of what was written at the same time, in words. */
function conflictsOf(project: Project, change: string): { readonly conflicts?: readonly string[] } {
  const found = project.conflicts.of(change)
  return found.length > 0 ? { conflicts: found.map(conflictText) } : {}
}
