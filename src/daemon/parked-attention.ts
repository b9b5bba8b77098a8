import { attentionId, type Happened, type Problem } from '../model/attention.ts'
import type { Refusal } from '../peers/conduct.ts'
import type { Flooding } from '../peers/flood.ts'
import type { AttentionStore } from '../store/attention.ts'
import type { OpenProject } from '../store/open-project.ts'
import type { ParkedSummary } from '../store/parked.ts'
import type { Settle } from './attention.ts'

/** Puts changes that clients brought and that wait on the attention list, and takes them off once they are in. */
export interface ParkedAttention {
  /** Hears what waits of somebody's changes, inside the transaction that changed it. */
  note(summary: ParkedSummary): void
  /** How they are settled from the list. */
  readonly ways: Readonly<Record<string, Settle>>
}

export function createParkedAttention(
  store: AttentionStore,
  project: () => Pick<OpenProject, 'acceptParked' | 'discardParked'>,
  now: () => number,
): ParkedAttention {
  return {
    note(summary) {
      const item = itemOf(summary)
      if (summary.count === 0) store.drop(attentionId(item))
      else store.keep(item, now())
    },
    ways: {
      async accept({ data }) {
        const taken = await project().acceptParked(String(data))
        return `${countOf(taken)} brought by ${data} are in.`
      },
      async forget({ data }) {
        const gone = await project().discardParked(String(data))
        return `${countOf(gone)} brought by ${data} are forgotten.`
      },
    },
  }
}

const countOf = (count: number): string => (count === 1 ? '1 change' : `${count} changes`)

const REASONS = {
  missing: 'they build on something that never came here',
  foreign: 'a part of them was written under the id of somebody else, or of another replica',
} as const

function itemOf({ actor, count, bytes, reasons }: ParkedSummary): Happened {
  return {
    kind: 'parked',
    what: `${countOf(count)} brought by ${actor} (${Math.ceil(bytes / 1024)} KiB) wait and are not shown yet`,
    where: 'room',
    why: reasons.map((reason) => REASONS[reason]).join('; '),
    fix: 'They come in by themselves when what is missing comes: link with the replica that it was written on, or let the client that has it connect. After a restore from an older backup nobody may have it: look at who brought them, then decide.',
    key: actor,
    data: actor,
    ways: [
      {
        name: 'accept',
        help: `takes them in as ${actor} brought them, whosever they are, as far as nothing is missing`,
        destructive: true,
      },
      { name: 'forget', help: 'forgets them', destructive: true },
    ],
  }
}

/** Clients and replicas that were turned away for good, since the daemon's start. */
export function turnedAway(refusals: readonly Refusal[]): readonly Problem[] {
  const last = new Map(refusals.map((refusal) => [`${refusal.actor} ${refusal.code}`, refusal]))
  return [...last].map(([key, { actor, code, reason, at }]) => ({
    kind: 'client',
    what: `A connection of ${actor} was turned away: ${reason} (${code})`,
    where: 'room',
    fix: 'Ask whose it is: what it sent was not taken in. If nobody knows, revoke its token.',
    key,
    since: at,
  }))
}

/** Clients that send more than is good for the others, at this moment. */
export function slowedDown(flooding: readonly Flooding[]): readonly Problem[] {
  return flooding.map(({ actor, since }) => ({
    kind: 'client',
    what: `${actor} sends more to the room than is taken in at once, and is read slowly`,
    where: 'room',
    fix: 'Nothing of it is lost. If nobody knows what it is doing, revoke its token.',
    key: `${actor} slow`,
    since,
  }))
}
