import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from '../model/attention.ts'
import type { OpenProject } from '../store/open-project.ts'

/** Sizes past which something becomes slow enough to be told; see "Growth" in docs/architecture.md. */
export const GROWTH_LIMITS = {
  /** Every transaction costs a little for each clientID. */
  clients: 500,
  /** A start decodes the document: about a second for each 8 MB. */
  documentBytes: 64e6,
  /** Rows are never deleted. */
  databaseBytes: 4e9,
  /** A stock client that joins the room of a month is sent all of it, in one turn of the event loop. */
  entriesOfMonth: 300_000,
} as const

export interface Growth {
  readonly clients: number
  readonly documentBytes: number
  readonly databaseBytes: number
  readonly entriesOfMonth: number
}

/** Reads the sizes; the slower ones only once in a thousand rows. */
export function createGrowth(parts: {
  readonly project: Pick<OpenProject, 'rowCount' | 'clientCount' | 'logCount'>
  readonly privateDir: string
  readonly now: () => number
}): () => Growth {
  const { project, privateDir, now } = parts
  let read = { thousand: -1, entriesOfMonth: 0, documentBytes: 0 }
  return () => {
    const thousand = Math.floor(project.rowCount() / 1000)
    if (thousand !== read.thousand) {
      const month = new Date(now()).toISOString().slice(0, 7)
      read = { thousand, entriesOfMonth: project.logCount(month), documentBytes: largestIn(join(privateDir, 'load')) }
    }
    const { thousand: _, ...slow } = read
    return { ...slow, clients: project.clientCount(), databaseBytes: sizeOf(join(privateDir, 'orch.db')) }
  }
}

/** What a person should know before it hurts. */
export function growthProblems(growth: Growth): readonly Problem[] {
  const { clients, documentBytes, databaseBytes, entriesOfMonth } = growth
  const found: (Omit<Problem, 'kind'> & { readonly over: boolean; readonly key: string })[] = [
    {
      over: clients > GROWTH_LIMITS.clients,
      key: 'clients',
      what: `${clients} clientIDs slow every change`,
      where: 'document',
      fix: 'Let agents use operations instead of joining the room as clients.',
    },
    {
      over: documentBytes > GROWTH_LIMITS.documentBytes,
      key: 'documentBytes',
      what: `The document is ${megabytes(documentBytes)}: a start takes seconds`,
      where: 'document',
      fix: 'Keep what only happened in the work log, which is not loaded, and long texts that nobody edits outside.',
    },
    {
      over: databaseBytes > GROWTH_LIMITS.databaseBytes,
      key: 'databaseBytes',
      what: `The database is ${megabytes(databaseBytes)}`,
      where: 'database',
      fix: 'See with `orch log list` and `orch history` who writes so much; let them write less often, and more at once.',
    },
    {
      over: entriesOfMonth > GROWTH_LIMITS.entriesOfMonth,
      key: 'entriesOfMonth',
      what: `The work log has ${entriesOfMonth} entries this month: who joins its room waits`,
      where: 'log',
      fix: 'See with `orch log list` who writes so much; let them say more in one entry.',
    },
  ]
  return found.flatMap(({ over, ...problem }) => (over ? [{ kind: 'growth' as const, ...problem }] : []))
}

/** The document's size is that of its load snapshots; before the first, it is small. */
function largestIn(dir: string): number {
  let names: readonly string[] = []
  try {
    names = readdirSync(dir)
  } catch {
    // Before the first.
  }
  return Math.max(0, ...names.map((name) => sizeOf(join(dir, name))))
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
