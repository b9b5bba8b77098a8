import { z } from 'zod'
import { must } from '../../base/assert.ts'
import { OrchError } from '../../base/error.ts'
import { isActorName } from '../../model/actor.ts'
import { task } from '../../model/kinds/task.ts'
import type { Lease } from '../../store/leases.ts'
import { claimantOf } from '../context-of-caller.ts'
import type { Operation } from '../operation.ts'
import { defineOperation, idHelp } from './define.ts'
import { type FenceInput, fenceSchema } from './fence.ts'
import { resolveLiving } from './fields.ts'
import { isoTime, recordSchema, toOutput } from './output.ts'
import { fitSchemas } from './ready.ts'
import { reservationSchema, shownReservation } from './reservations.ts'

const leaseSchema = z.object({
  task: z.string().describe('the task'),
  actor: z.string().describe('who holds it'),
  session: z.string().optional().describe('in which session'),
  fence: z.number().describe('the number of this claim: give it with writes that must not happen once it has ended'),
  since: z.string().describe('since when'),
  until: z.string().optional().describe('when it ends unless it is renewed; without it, never by itself'),
  provisional: z
    .boolean()
    .optional()
    .describe('the replica that grants claims could not be asked: somebody else may turn out to have it'),
})

export function shownLease({ task, actor, session, fence, at, until, provisional }: Lease) {
  return {
    task,
    actor,
    ...(session !== '' && { session }),
    fence,
    since: isoTime(at),
    ...(until !== null && { until: isoTime(until) }),
    ...(provisional && { provisional }),
  }
}

interface ClaimInput {
  readonly id?: string | undefined
  readonly labels?: readonly string[] | undefined
  readonly capabilities?: readonly string[] | undefined
}

interface EndInput extends FenceInput {
  readonly id: string
}

/** Taking work that nobody else takes, and giving it back. */
export const claimOperations: readonly Operation[] = [
  defineOperation<ClaimInput, unknown>({
    name: 'claim',
    effect: 'write',
    role: 'writer',
    help: 'Takes a task, or the best ready one that fits, so that nobody else can. An agent’s claim is renewed by its connection, or by its commands, and ends a while after the last of them; a person’s stays.',
    input: z.strictObject({
      id: z
        .string()
        .optional()
        .describe(`${idHelp(task)}; without it, the best ready one`),
      ...fitSchemas,
    }),
    output: z.object({
      claim: leaseSchema.describe('the claim'),
      task: recordSchema(task).describe('the task'),
      reservations: z.array(reservationSchema).describe('files that others wish to be alone with'),
    }),
    cli: {
      command: 'claim',
      positionals: ['id'],
      flags: { labels: 'label', capabilities: 'capability' },
      view: { type: 'message', text: 'Claimed {task.id}: {task.title} (fence {claim.fence})' },
      examples: ['orch claim --capability rust', 'orch claim t-7f3k --json'],
    },
    async run(context, { id, ...fits }) {
      const { project, parts, clock } = context
      const { claims, marks } = parts.agents
      const lease = await claims.claim({
        ...claimantOf(context),
        ...fits,
        ...(id !== undefined && { id: resolveLiving(project, task, id) }),
      })
      const others = marks.reservations(clock.now()).filter(({ actor, session }) => {
        const me = claims.holderOf(claimantOf(context))
        return actor !== me.actor || session !== me.session
      })
      return {
        claim: shownLease(lease),
        task: toOutput(project, task, must(project.read(task, lease.task), `no task ${lease.task}`)),
        reservations: others.map(shownReservation),
      }
    },
  }),
  defineOperation<EndInput & { reason?: string | undefined }, unknown>({
    name: 'claim.release',
    effect: 'write',
    role: 'writer',
    help: 'Gives a claimed task back, so that somebody else can begin it. A person may release anybody’s.',
    input: z.strictObject({
      id: z.string().describe(idHelp(task)),
      reason: z.string().max(500).optional().describe('why; the work log keeps it'),
      fence: fenceSchema,
    }),
    output: z.object({ claim: leaseSchema.describe('the claim that ended') }),
    cli: {
      command: 'release',
      positionals: ['id', 'reason'],
      view: { type: 'message', text: 'Released {claim.task}' },
      examples: ["orch release t-7f3k 'Needs somebody who knows Windows'"],
    },
    async run(context, { id, reason = 'released', ...rest }) {
      const resolved = resolveLiving(context.project, task, id)
      const lease = await context.parts.agents.claims.release({
        ...claimantOf(context),
        ...rest,
        id: resolved,
        reason: oneLine(reason),
      })
      return { claim: shownLease(lease) }
    },
  }),
  defineOperation<EndInput & { to: string; note: string }, unknown>({
    name: 'claim.handover',
    effect: 'write',
    role: 'writer',
    help: 'Hands a claimed task over to another actor, who finds it assigned and a message about it.',
    input: z.strictObject({
      id: z.string().describe(idHelp(task)),
      to: z.string().describe('who is to go on with it'),
      note: z.string().max(400).default('').describe('where it stands, in a line'),
      fence: fenceSchema,
    }),
    output: z.object({
      claim: leaseSchema.describe('the claim that ended'),
      to: z.string().describe('who has it now'),
    }),
    cli: {
      command: 'handover',
      positionals: ['id', 'to', 'note'],
      view: { type: 'message', text: 'Handed {claim.task} over to {to}' },
      examples: ["orch handover t-7f3k reviewer 'Done but for the tests'"],
    },
    async run(context, { id, to, note, ...rest }) {
      if (!isActorName(to))
        throw new OrchError('invalid_input', { field: 'to', reason: 'it cannot be the name of an actor' })
      const resolved = resolveLiving(context.project, task, id)
      const lease = await context.parts.agents.claims.handOver({
        ...claimantOf(context),
        ...rest,
        id: resolved,
        to,
        note: oneLine(note),
      })
      return { claim: shownLease(lease), to }
    },
  }),
  defineOperation<object, unknown>({
    name: 'claim.list',
    effect: 'read',
    role: 'reader',
    help: 'Shows who holds which task, as this replica knows.',
    input: z.strictObject({}),
    output: z.object({ items: z.array(leaseSchema).describe('the oldest first') }),
    cli: {
      command: 'claims',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'task', head: 'task', style: 'id' },
          { key: 'actor', head: 'actor' },
          { key: 'session', head: 'session', style: 'dim' },
          { key: 'fence', head: 'fence' },
          { key: 'since', head: 'since', style: 'time' },
          { key: 'until', head: 'until', style: 'time' },
          { key: 'provisional', head: 'provisional' },
        ],
        empty: 'Nobody holds a task.',
      },
      examples: ['orch claims'],
    },
    run: ({ parts }) => ({ items: parts.agents.claims.all().map(shownLease) }),
  }),
  defineOperation<object, unknown>({
    name: 'arbiter.show',
    effect: 'read',
    role: 'reader',
    help: 'Shows which replica grants claims, or that a Redis which several nodes share does.',
    input: z.strictObject({}),
    output: z.object({
      replica: z.string().describe('the replica'),
      epoch: z.number().describe('how often another one was named'),
      here: z.boolean().describe('whether it is this one'),
      redis: z.boolean().optional().describe('a Redis that several nodes share grants claims in its place'),
    }),
    cli: {
      command: 'arbiter show',
      positionals: [],
      view: { type: 'record' },
      examples: ['orch arbiter show'],
    },
    run({ parts }) {
      const { replica, epoch, isHere, isShared } = parts.agents.claims.arbiter()
      return { replica, epoch, here: isHere, ...(isShared && { redis: true }) }
    },
  }),
  defineOperation<{ replica?: string | undefined }, unknown>({
    name: 'arbiter.set',
    effect: 'write',
    role: 'admin',
    help: 'Names the replica that grants claims from now on: this one, or another. For when the one that did is gone; what it granted is asked for anew.',
    input: z.strictObject({
      replica: z.string().optional().describe('its id, as its `orch status` shows it; by default this one'),
    }),
    output: z.object({
      replica: z.string().describe('the replica'),
      epoch: z.number().describe('how often another one was named'),
    }),
    cli: {
      command: 'arbiter set',
      positionals: ['replica'],
      view: { type: 'message', text: 'Claims are granted by {replica}' },
      examples: ['orch arbiter set', 'orch arbiter set r-7f3k9q2m'],
    },
    async run(context, { replica = context.project.replica }) {
      if (!/^r-[0-9a-z]{8}$/.test(replica)) {
        throw new OrchError('invalid_input', { field: 'replica', reason: 'a replica is like r-7f3k9q2m' })
      }
      const { claims } = context.parts.agents
      await claims.setArbiter(claimantOf(context), replica)
      return { replica, epoch: claims.arbiter().epoch }
    },
  }),
]

/** What goes into a title or a line of the log. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
