import type { RecordId } from '../../model/id.ts'
import { textsOf } from '../../model/kind.ts'
import { session as sessionKind } from '../../model/kinds/session.ts'
import { state } from '../../model/kinds/state.ts'
import { task as taskKind } from '../../model/kinds/task.ts'
import { attribution, nameText, type Provenance, quoteBlock, quoteInline } from '../../model/quoted.ts'
import { heldContexts } from '../../store/held-contexts.ts'
import { messagesFor } from '../../store/messages.ts'
import type { StoredRecord } from '../../store/project.ts'
import { claimantOf } from '../context-of-caller.ts'
import type { OperationContext } from '../operation.ts'
import { shownLease } from '../operations/claims.ts'
import { isoTime } from '../operations/output.ts'
import { workOf } from '../operations/ready.ts'
import { shownReservation } from '../operations/reservations.ts'
import type { Entry, Section } from './budget.ts'
import { changeLines, changeWords, rowsOf, valueText } from './changes.ts'

/** What a reader of a context is, and wants. */
export interface Reader {
  readonly context: OperationContext
  readonly capabilities: readonly string[]
}

const SHORT_BODY = 700
const MANY = 50

/** Who wrote what a record says now, and how that came here. */
function provenanceOf({ project }: Pick<OperationContext, 'project'>, record: StoredRecord): Provenance {
  const last = project.lastChange(record.id)
  return { by: record.updatedBy, source: last?.source }
}

export function titleOf({ values, id }: StoredRecord): string {
  return String(values.title ?? values.goal ?? '') || id
}

/** A message, whole where it is short. */
export function messageEntry({ context }: Reader, record: StoredRecord): Entry {
  const { id, values } = record
  const verified = context.project.lastChange(id)?.verified
  const from = { ...provenanceOf(context, record), verified, by: String(values.publishedBy ?? record.updatedBy) }
  const type = typeof values.type === 'string' ? valueText(values.type) : 'message'
  const body = String(values.body ?? '')
  const head = `- ${id} ${type} ${attribution(from)}: ${quoteInline(titleOf(record), 200)}`
  const text = body === '' ? head : `${head}\n${quoteBlock(body, `${id} body`, from, SHORT_BODY)}`
  const brief = body === '' ? head : `${head} (all of it: orch cat ${id})`
  const item = {
    id,
    type: String(values.type ?? ''),
    title: titleOf(record),
    by: from.by,
    at: String(values.publishedAt ?? ''),
    ...(body !== '' && { body: body.slice(0, SHORT_BODY) }),
  }
  return { text, brief, item, about: id }
}

export function unreadMessages({ context, capabilities }: Reader, limit = MANY): readonly StoredRecord[] {
  const { project, actor, parts, clock } = context
  const found = messagesFor(project, actor.name, capabilities, clock.now(), limit)
  const read = parts.agents.marks.read(
    actor.name,
    found.map(({ id }) => id),
  )
  return found.filter(({ id }) => !read.has(id))
}

export function claimsSection({ context }: Reader): Section {
  const { project, parts } = context
  const { claims } = parts.agents
  const me = claims.holderOf(claimantOf(context))
  const mine = claims.all().filter(({ actor, session }) => actor === me.actor && session === me.session)
  return {
    name: 'claims',
    title: 'You hold:',
    ask: 'orch claims',
    entries: mine.map((lease) => {
      const record = project.read(taskKind, lease.task)
      const notes = [
        `fence ${lease.fence}`,
        ...(record ? [valueText(String(record.values.status ?? ''))] : []),
        ...(lease.provisional ? ['provisional: somebody else may turn out to have it'] : []),
      ]
      const title = record ? titleOf(record) : ''
      return {
        text: `- ${lease.task} ${quoteInline(title)} (${notes.join(', ')})`,
        item: { ...shownLease(lease), title },
      }
    }),
  }
}

/** What a session has done so far: for an agent that has lost its memory. */
export function sessionSection({ context }: Reader, id: string): Section {
  const { project } = context
  const record = /^s-/.test(id) ? project.read(sessionKind, id as RecordId) : undefined
  if (!record) return { name: 'session', title: 'Your session:', entries: [], ask: '' }
  const lines = changeLines(rowsOf(project.changedIn(id, 200))).toReversed()
  const summary = String(record.values.summary ?? '')
  const plan: Entry[] =
    summary.trim() === ''
      ? []
      : [{ text: quoteBlock(summary, `${id} notes`, provenanceOf(context, record), SHORT_BODY), item: { summary } }]
  return {
    name: 'session',
    title: `Your session ${id} since ${String(record.values.startedAt ?? '').slice(0, 16)}, newest first:`,
    ask: `orch session show ${id}`,
    entries: [
      ...plan,
      ...lines.slice(0, 15).map((line) => ({
        text: `- ${changeWords(line, currentTitle(context, line.kind, line.id))}`,
        item: line,
      })),
    ],
    unseen: Math.max(0, lines.length - 15),
  }
}

export function currentTitle({ project }: OperationContext, kind: string, id: string): string | undefined {
  const known = project.kinds.record(kind)
  const record = known && project.read(known, id as RecordId)
  return record && String(record.values[known.title] ?? '')
}

/** `about`: only tasks that one of these changes made ready. */
export function readySection({ context, capabilities }: Reader, about?: ReadonlySet<string>): Section {
  const { project, actor, parts } = context
  const claimed = new Set(parts.agents.claims.all().map(({ task }) => task))
  const fits = capabilities.length > 0 ? { capabilities } : {}
  const { items, total } = project.ready({ ...fits, actor: actor.name, claimed, limit: about ? MANY * 4 : 12 })
  const isNew = ({ id, values }: StoredRecord): boolean =>
    about === undefined || about.has(id) || textsOf(values.dependencies).some((one) => about.has(one))
  const shown = items.filter(isNew)
  return {
    name: 'ready',
    title: about ? 'Ready now:' : 'Ready, the best first:',
    ask: 'orch ready',
    entries: shown.map((record) => {
      const work = workOf(record)
      const labels = work.labels ? ` [${work.labels.map(valueText).join(' ')}]` : ''
      const due = work.due === undefined ? '' : ` due ${valueText(work.due)}`
      const mine = work.assignee === undefined ? '' : ' assigned to you'
      const whose = attribution(provenanceOf(context, record))
      return {
        text: `- ${work.id} ${valueText(work.priority)}${due}${labels}${mine} ${quoteInline(work.title)} ${whose}`,
        item: work,
      }
    }),
    unseen: about ? 0 : total - items.length,
  }
}

export function blockedSection({ context }: Reader, about?: ReadonlySet<string>): Section {
  const { project } = context
  const { items, total } = project.blocked({ limit: about ? MANY * 4 : 6 })
  const shown = items.filter(({ task }) => about === undefined || about.has(task.id))
  return {
    name: 'blocked',
    title: 'Blocked:',
    ask: 'orch blocked',
    entries: shown.map(({ task, by }) => ({
      text: `- ${task.id} ${quoteInline(titleOf(task), 80)} ${attribution(provenanceOf(context, task))} ${by.length > 0 ? `waits for ${by.slice(0, 5).join(', ')}` : 'says so'}`,
      item: { ...workOf(task), by: [...by] },
    })),
    unseen: about ? 0 : total - items.length,
  }
}

export function stateSection({ context }: Reader): Section {
  const keys = [...context.project.readKeys(state.name).values()].filter(({ key }) => !key.startsWith('joined.'))
  return {
    name: 'state',
    title: 'State of the project:',
    ask: 'orch state get',
    entries: keys.map(({ key, value, updatedBy }) => ({
      text: `- ${nameText(key)}: ${valueText(typeof value === 'string' ? value : JSON.stringify(value ?? null))} by ${nameText(updatedBy)}`,
      item: { key, value: value ?? null },
    })),
  }
}

/** Decisions, findings and the like that are for everybody. */
export function knownSection(reader: Reader, told: ReadonlySet<string>): Section {
  const { project, clock } = reader.context
  const held = heldContexts(project, { now: clock.now(), limit: 12, where: { audience: [null] } })
  return {
    name: 'known',
    title: 'Decisions and findings:',
    ask: 'orch context query',
    entries: held
      .filter(({ id }) => !told.has(id))
      .map((record) => {
        const { text, item } = messageEntry(reader, record)
        return { text: text.split('\n', 1)[0] ?? '', item }
      }),
  }
}

/** Who else works on what, and which files they wish to be alone with. */
export function othersSection({ context }: Reader): Section {
  const { project, parts, clock, session: own } = context
  const { claims, marks } = parts.agents
  const me = claims.holderOf(claimantOf(context))
  const sessions = project.list(sessionKind, { where: { endedAt: [null] }, sort: '-createdAt', limit: 12 }).items
  const all = claims.all()
  const atWork = sessions.filter(({ id }) => id !== own)
  const loose = all.filter(
    ({ actor, session }) => !(actor === me.actor && session === me.session) && !atWork.some(({ id }) => id === session),
  )
  const reserved = marks.reservations(clock.now()).filter((one) => one.actor !== me.actor || one.session !== me.session)
  return {
    name: 'others',
    title: 'Others at work:',
    ask: 'orch session list --active',
    entries: [
      ...reserved.map((one) => ({
        text: `- files ${quoteInline(one.glob)} reserved by ${nameText(one.actor)} until ${isoTime(one.until).slice(0, 16)}${one.note && ` for ${quoteInline(one.note, 80)}`}`,
        item: { reservation: shownReservation(one) },
      })),
      ...atWork.map((record) => {
        const tasks = all.filter(({ session }) => session === record.id).map(({ task }) => task)
        const holds = tasks.length > 0 ? ` holds ${tasks.join(', ')}` : ''
        const actor = String(record.values.actor ?? '')
        return {
          text: `- ${nameText(actor)} in ${record.id} ${quoteInline(String(record.values.goal ?? ''), 80)}${holds}`,
          item: { actor, session: record.id, goal: String(record.values.goal ?? ''), tasks },
        }
      }),
      ...loose.map((lease) => ({
        text: `- ${nameText(lease.actor)} holds ${lease.task}`,
        item: { actor: lease.actor, tasks: [lease.task] },
      })),
    ],
  }
}

/** What the caller asked to look at closely: a record, or words. */
export function focusSection({ context }: Reader, focus: string): Section {
  const { project } = context
  const ask = `orch search ${JSON.stringify(focus).slice(0, 80)}`
  const record = resolved(context, focus)
  if (!record) {
    const { items, total, isAtLeast } = project.search({ text: focus, limit: 6 })
    return {
      name: 'focus',
      title: 'About what you asked:',
      ask,
      entries: items.map((found) => ({
        text: `- ${found.id} ${quoteInline(found.title, 100)}${found.snippet ? ` ${quoteInline(found.snippet, 120)}` : ''}`,
        item: { id: found.id, kind: found.kind, title: found.title },
      })),
      unseen: total - items.length,
      isAtLeast,
    }
  }
  const from = provenanceOf(context, record)
  const body = String(record.values[project.kinds.record(record.kind)?.body ?? 'body'] ?? '')
  const blockers = record.kind === taskKind.name ? project.blockersOf(record.id) : []
  const facts = ['status', 'priority', 'assignee', 'due'].flatMap((name) => {
    const value = record.values[name]
    return typeof value === 'string' && value !== '' ? [`${name} ${valueText(value)}`] : []
  })
  const comments = Array.isArray(record.values.comments) ? record.values.comments.slice(-3) : []
  return {
    name: 'focus',
    title: 'About what you asked:',
    ask: `orch cat ${record.id}`,
    entries: [
      {
        text: `- ${record.id} ${quoteInline(titleOf(record))} ${attribution(from)}: ${[...facts, ...(blockers.length > 0 ? [`waits for ${blockers.join(', ')}`] : [])].join(', ')}`,
        item: { id: record.id, kind: record.kind, title: titleOf(record) },
      },
      ...(body.trim() === '' ? [] : [{ text: quoteBlock(body, `${record.id} body`, from, 2000) }]),
      ...comments.flatMap((one) =>
        typeof one === 'object'
          ? [{ text: quoteBlock(one.text, `${record.id} comment`, { by: one.by }, SHORT_BODY) }]
          : [],
      ),
    ],
  }
}

function resolved({ project }: OperationContext, text: string): StoredRecord | undefined {
  try {
    const { kind, id } = project.resolve(text)
    return project.read(kind, id)
  } catch {
    // It is no record: words to look for, then.
    return undefined
  }
}
