import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import { silentLogger } from '../base/log.ts'
import { toActorName } from '../model/actor.ts'
import type { Random } from '../model/id.ts'
import { openDatabase } from '../store/database.ts'
import { type OpenProject, openProject } from '../store/open-project.ts'
import type { Project } from '../store/project.ts'
import type { Row, Vector } from '../store/row.ts'
import type { LoggedCommit, Oid } from './git-repo.ts'
import { type EditedFile, type EditProblem, takeEdits } from './take-edits.ts'

/**
 * How edits that people made on the branch become a row. The same edits must become the same bytes on every clone, so
 * what changes the outcome (the choice of a diff, of an id, of a name) is a new version, and every earlier one stays.
 */
export const IMPORTER = 1

/** What a commit that no orch made changed in files. */
export interface HandMade {
  readonly commit: LoggedCommit
  /** The rows that the view it was made on shows. */
  readonly state: Vector
  /** In the order of paths. */
  readonly files: readonly HandMadeFile[]
}

export interface HandMadeFile extends EditedFile {
  /** What names the text before and after: ids of bytes, 'state' where that is what the rows show, '' where there is none. */
  readonly from: Oid | 'state' | ''
  readonly to: Oid | ''
}

/** What became of the edits of a commit. */
export interface Imported {
  /** Undefined when nothing of the commit is an edit of a record. */
  readonly row: Row | undefined
  readonly problems: readonly EditProblem[]
}

/** Makes rows of what people changed on the branch. */
export interface Importer {
  import(made: HandMade): Promise<Imported>
  close(): void
}

/** The replica in whose name the row of a commit is made: the same on every clone. */
export function importName(project: Pick<Project, 'id' | 'kinds'>, made: HandMade): string {
  const name = `g-${textOf(seedOf(project, made), 16)}`
  const own = ownDeclarations(project)
  // What is declared otherwise reads files otherwise: two rows of one name must never differ.
  return own === '[]' ? name : `${name}-${textOf(own, 4)}`
}

/** The part of the name that does not hang on what a project has declared. */
export const importStem = (name: string): string => name.slice(0, 18)

export function createImporter(
  project: Pick<Project, 'id' | 'name' | 'kinds' | 'rowsSince' | 'have'>,
  clock: Clock,
): Importer {
  let scratch: Scratch | undefined
  return {
    async import(made) {
      if (!scratch || !isWithin(scratch.project.have(), made.state)) {
        scratch?.close()
        scratch = openScratch(project, clock)
      }
      await scratch.fill(project, made.state)
      return await scratch.write(made, importName(project, made), seedOf(project, made))
    },
    close: () => scratch?.close(),
  }
}

interface Scratch {
  readonly project: OpenProject
  /** Brings it to a state, from rows that are here. */
  fill(from: Pick<Project, 'rowsSince' | 'have'>, state: Vector): Promise<void>
  write(made: HandMade, name: string, seed: string): Promise<Imported>
  close(): void
}

const PAGE = 200

/** The project in memory, as the commit's maker saw it. */
function openScratch(of: Pick<Project, 'name' | 'kinds'>, clock: Clock): Scratch {
  const db = openDatabase(':memory:')
  let now = 0
  let random = seededRandom('')
  let writer = { replica: '', client: 0 }
  const project = openProject({
    db,
    kinds: of.kinds,
    clock: { now: () => now, monotonic: () => clock.monotonic(), after: (ms, run) => clock.after(ms, run) },
    random: (bytes) => random(bytes),
    log: silentLogger,
    lease: { machine: '', path: '', inode: '' },
    generations: { get: () => undefined, set: () => undefined },
    loads: { newest: () => undefined, make: () => Promise.resolve() },
    name: of.name,
    writer: () => writer,
  })
  return {
    project,
    async fill(from, state) {
      const known = project.have()
      // No rows at all are asked for of a replica of which all that is wanted is there.
      const asked: Record<string, number> = {}
      for (const replica of Object.keys(from.have())) {
        const isComplete = (known[replica] ?? 0) >= (state[replica] ?? 0)
        asked[replica] = isComplete ? Number.MAX_SAFE_INTEGER : (known[replica] ?? 0)
      }
      for (;;) {
        const page = from.rowsSince(asked, PAGE)
        const wanted = page.filter(({ replica, seq }) => seq <= (state[replica] ?? 0))
        await project.applyRows(wanted, { source: 'git', commit: '' })
        for (const { replica, seq } of page)
          asked[replica] = seq >= (state[replica] ?? 0) ? Number.MAX_SAFE_INTEGER : seq
        if (page.length < PAGE) break
      }
      const lacking = Object.keys(state).find((replica) => (project.have()[replica] ?? 0) < (state[replica] ?? 0))
      if (lacking !== undefined) {
        throw new OrchError('git_refused', {
          reason: `rows of replica ${lacking} that an edit on the branch builds on are missing`,
        })
      }
    },
    async write({ commit, files }, name, seed) {
      now = commit.author.at
      random = seededRandom(seed)
      writer = { replica: name, client: clientOf(seed) }
      const rows: Row[] = []
      const problems: EditProblem[] = []
      const stop = project.onCommit((done) => rows.push(...done.rows))
      const actor = { name: toActorName(commit.author.name, 'somebody'), type: 'person', verified: false } as const
      try {
        await project.transact({ source: 'file', actor, path: files[0]?.path ?? '' }, (tx) =>
          problems.push(...takeEdits(tx, files, project)),
        )
        await project.idle()
      } finally {
        stop()
      }
      return { row: rows[0], problems }
    },
    close: () => db.close(),
  }
}

function isWithin(have: Vector, state: Vector): boolean {
  return Object.entries(have).every(([replica, seq]) => seq <= (state[replica] ?? 0))
}

function seedOf(project: Pick<Project, 'id'>, { commit, state, files }: HandMade): string {
  const { name, at } = commit.author
  return JSON.stringify([
    IMPORTER,
    project.id,
    Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)),
    name,
    at,
    files.map(({ path, from, to }) => [path, from, to]),
  ])
}

/** What a project declares beyond what orch does, as text. */
function ownDeclarations({ kinds }: Pick<Project, 'kinds'>): string {
  const declared = kinds.records.flatMap((kind): readonly unknown[] => {
    if (kind.own) return [kind]
    return Object.entries(kind.fields).flatMap(([name, field]) => (field.own ? [[kind.name, name, field]] : []))
  })
  return JSON.stringify(declared)
}

/** Random bytes that follow from a text. */
function seededRandom(seed: string): Random {
  let made = 0
  return (bytes) => {
    const blocks: Buffer[] = []
    for (let length = 0; length < bytes; length += 32)
      blocks.push(createHash('sha256').update(`${made++} ${seed}`).digest())
    return new Uint8Array(Buffer.concat(blocks).subarray(0, bytes))
  }
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

function textOf(seed: string, length: number): string {
  const digest = createHash('sha256').update(seed).digest()
  return Array.from(digest.subarray(0, length), (byte) => ALPHABET[byte & 31]).join('')
}

const YJS_CLIENTS = 2 ** 32

/** A clientID that no Yjs draws at random, of 53 bits: of 32, two of 100,000 would be the same. */
function clientOf(seed: string): number {
  const bits = createHash('sha256').update(`client ${seed}`).digest().readBigUInt64BE(0)
  return YJS_CLIENTS + Number(bits % BigInt(Number.MAX_SAFE_INTEGER - YJS_CLIENTS))
}
