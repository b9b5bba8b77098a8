import { readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from '../model/attention.ts'
import type { OpenProject } from '../store/open-project.ts'

/** Sizes past which something becomes slow enough to be told; see "Growth" in docs/architecture.md. */
export const GROWTH_LIMITS = {
  /** Every transaction costs a little for each clientID. */
  clients: 500,
  /** A list that is sorted by a field, and the graph of the work at a start, take a turn that grows with them: 10 ms for each 10,000. */
  records: 30_000,
  /** A start decodes the document: about a second for each 8 MB, and a command waits 15 s for it. */
  documentBytes: 24e6,
  /** Rows are never deleted. */
  databaseBytes: 4e9,
  /** A stock client that joins the room of a month is sent all of it, in one turn of the event loop. */
  entriesOfMonth: 300_000,
} as const

/** What is left on a disk, below which it is told; what makes a copy of the database needs as much as that, where it is larger. */
export const LEAST_ROOM_BYTES = 256e6

/** What is left on the disk of a folder. */
export interface Room {
  readonly dir: string
  readonly freeBytes: number
}

export interface Growth {
  readonly clients: number
  readonly records: number
  readonly documentBytes: number
  readonly databaseBytes: number
  readonly entriesOfMonth: number
  readonly rooms: readonly Room[]
}

/** Reads the sizes; the slower ones only once in a thousand rows. */
export function createGrowth(parts: {
  readonly project: Pick<OpenProject, 'kinds' | 'list' | 'rowCount' | 'clientCount' | 'logCount'>
  readonly privateDir: string
  readonly mirrorDir: string
  readonly now: () => number
}): () => Growth {
  const { project, privateDir, mirrorDir, now } = parts
  let read = { thousand: -1, entriesOfMonth: 0, documentBytes: 0, records: 0 }
  return () => {
    const thousand = Math.floor(project.rowCount() / 1000)
    if (thousand !== read.thousand) {
      const month = new Date(now()).toISOString().slice(0, 7)
      read = {
        thousand,
        entriesOfMonth: project.logCount(month),
        documentBytes: largestIn(join(privateDir, 'load')),
        records: project.kinds.records.reduce((sum, kind) => sum + project.list(kind, { limit: 1 }).total, 0),
      }
    }
    const { thousand: _, ...slow } = read
    return {
      ...slow,
      clients: project.clientCount(),
      databaseBytes: databaseBytes(privateDir),
      rooms: roomsOf([privateDir, mirrorDir]),
    }
  }
}

/** What a person should know before it hurts. */
export function growthProblems(growth: Growth): readonly Problem[] {
  const { clients, records, documentBytes, databaseBytes, entriesOfMonth, rooms } = growth
  const needed = Math.max(LEAST_ROOM_BYTES, databaseBytes)
  const found: (Omit<Problem, 'kind'> & { readonly over: boolean; readonly key: string })[] = [
    {
      over: clients > GROWTH_LIMITS.clients,
      key: 'clients',
      what: `${clients} clientIDs slow every change`,
      where: 'document',
      fix: 'Let agents use operations instead of joining the room as clients.',
    },
    {
      over: records > GROWTH_LIMITS.records,
      key: 'records',
      what: `${records} records: sorted lists and a start become slow`,
      where: 'document',
      fix: 'Keep what only happened in the work log, and what is only looked up outside; a closed record counts, too.',
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
      what: `The database is ${megabytes(databaseBytes)}, and only grows`,
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
    ...rooms.map(({ dir, freeBytes }) => ({
      over: freeBytes < needed,
      key: 'room',
      what: `The disk has ${megabytes(freeBytes)} left: when it is full, nothing can be written`,
      where: dir,
      fix: `Make room there: ${megabytes(needed)} at least, so that a copy of the database fits.`,
    })),
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

/** What was committed last is in its log. */
export function databaseBytes(privateDir: string): number {
  return sizeOf(join(privateDir, 'orch.db')) + sizeOf(join(privateDir, 'orch.db-wal'))
}

/** Each disk once. One that cannot be asked is left out: what does not work there is told by those who need it. */
function roomsOf(dirs: readonly string[]): readonly Room[] {
  const rooms = new Map<number, Room>()
  for (const dir of dirs) {
    try {
      const { dev } = statSync(dir)
      const { bavail, bsize } = statfsSync(dir)
      if (!rooms.has(dev)) rooms.set(dev, { dir, freeBytes: bavail * bsize })
    } catch {
      // Not there yet.
    }
  }
  return [...rooms.values()]
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
