import { z } from 'zod'
import { context as contextKind } from '../../model/kinds/context.ts'
import { messagesFor } from '../../store/messages.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { resolveLiving } from './fields.ts'
import { recordSchema, toOutput } from './output.ts'

interface InboxInput {
  readonly ids: readonly string[]
  readonly capabilities: readonly string[]
  readonly read: boolean
  readonly all: boolean
  readonly limit: number
}

/** What others wrote to an actor. */
export const inboxOperation: Operation = defineOperation<InboxInput, unknown>({
  name: 'inbox',
  effect: 'write',
  role: 'writer',
  help: 'Lists messages for you that you have not read: contexts that name you, or something you can do, as their audience. What you have read is remembered here, and nobody else sees it.',
  input: z.strictObject({
    ids: z.array(z.string()).default([]).describe('only these'),
    capabilities: z.array(z.string()).default([]).describe('also those for whoever can do this'),
    read: z.boolean().default(false).describe('count what is listed as read'),
    all: z.boolean().default(false).describe('also those that you have read'),
    limit: z.number().int().min(1).max(200).default(20).describe('how many at most'),
  }),
  output: z.object({
    items: z
      .array(
        z.object({
          message: recordSchema(contextKind).describe('the message'),
          read: z.boolean().describe('whether you have read it'),
        }),
      )
      .describe('the newest first'),
  }),
  cli: {
    command: 'inbox',
    positionals: ['ids'],
    flags: { capabilities: 'capability' },
    view: {
      type: 'table',
      rows: 'items',
      columns: [
        { key: 'message.id', head: 'id', style: 'id' },
        { key: 'message.publishedAt', head: 'at', style: 'time' },
        { key: 'message.publishedBy', head: 'from' },
        { key: 'message.type', head: 'type' },
        { key: 'message.title', head: 'title' },
        { key: 'message.body', head: 'text', style: 'dim' },
      ],
      empty: 'There is nothing new for you.',
    },
    examples: ['orch inbox', 'orch inbox --capability reviewer --read', 'orch inbox c-7f3k --read'],
  },
  run({ project, actor, parts, clock }, { ids, capabilities, read, all, limit }) {
    const { marks } = parts.agents
    const wanted = new Set<string>(ids.map((id) => resolveLiving(project, contextKind, id)))
    const found = messagesFor(project, actor.name, capabilities, clock.now(), Math.max(limit, 200))
    const known = marks.read(
      actor.name,
      found.map(({ id }) => id),
    )
    const shown = found.filter(({ id }) => (wanted.size > 0 ? wanted.has(id) : all || !known.has(id))).slice(0, limit)
    if (read) {
      marks.markRead(
        actor.name,
        shown.map(({ id }) => id),
        clock.now(),
      )
    }
    return {
      items: shown.map((one) => ({ message: toOutput(project, contextKind, one), read: read || known.has(one.id) })),
    }
  },
})
