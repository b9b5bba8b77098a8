import { must } from '../base/assert.ts'
import type { Turns } from '../base/turns.ts'
import type { RecordId } from '../model/id.ts'
import type { Kinds } from '../model/kind-set.ts'
import type { KeyedValue, Project } from '../store/project.ts'
import type { Vector } from '../store/row.ts'
import type { RecordChange } from './message.ts'
import { keyOf, type PendingChange, type SnapshotLedger } from './snapshot-ledger.ts'

export interface RenderedFile {
  /** Below the root of the mirror, and of the tree. */
  readonly path: string
  readonly text: string
}

/** The file that shows a record (`t-7f3k9q2m`) or a keyed kind (`state/<any key>`) as it is now; undefined when it has none. */
export type Render = (key: string) => RenderedFile | undefined

export interface CutParts {
  readonly project: Pick<Project, 'kinds' | 'read' | 'readKeys' | 'ids' | 'have'>
  readonly ledger: SnapshotLedger
  readonly render: Render
  readonly turns: Turns
}

/** The project at one moment: what changed since the last snapshot, or everything. */
export interface Cut {
  /** The number of the ledger's cut. */
  readonly upto: number
  readonly have: Vector
  /** A record's id, or `<keyed kind>/` for all its keys together -> its file. Of all where everything was asked for. */
  readonly files: ReadonlyMap<string, RenderedFile | undefined>
  readonly pending: ReadonlyMap<string, PendingChange>
  readonly changes: ReadonlyMap<string, RecordChange>
}

const PAGE = 30
/** Of all ids so many are read at once. What is made meanwhile is among the changes. */
const IDS = 500

/**
 * Renders what changed, and reads how far every replica has got, as of one moment. A little is done in one turn of the
 * event loop; much in slices, after which what changed meanwhile is rendered again, until a pass fits into its turn.
 */
export async function takeCut(parts: CutParts, options: { readonly everything: boolean }): Promise<Cut> {
  const { project, ledger, turns } = parts
  const view = createView(parts)
  const pending = new Map<string, PendingChange>()
  let everything = options.everything
  for (let after = 0; ; ) {
    view.renew()
    const [upto, have] = [ledger.cut(), project.have()]
    let rested = false
    const rest = async (): Promise<void> => {
      await turns.next()
      rested = true
      view.renew()
    }
    for (let fromKey = ''; ; ) {
      const page = ledger.changes({ after, upto, fromKey, limit: PAGE })
      for (const change of page) {
        // Of a kind that is not declared any more: its file in the tree stays as it is.
        if (!project.kinds.record(change.kind) && !project.kinds.keys(change.kind)) continue
        pending.set(change.key, joined(pending.get(change.key), change))
        view.take(change)
        if (turns.isOver()) await rest()
      }
      if (page.length < PAGE) break
      fromKey = must(page.at(-1), 'a full page has a last change').key
    }
    if (everything) {
      everything = false
      for (const one of allKeys(project)) {
        if (!view.after.has(keyOf(project.kinds, one))) view.take(one)
        if (turns.isOver()) await rest()
      }
    }
    if (!rested) {
      const changes = await changesOf(project.kinds, pending, view.after, turns)
      return { upto, have, files: view.files, pending, changes }
    }
    after = upto
  }
}

type Named = Pick<PendingChange, 'kind' | 'id'>

/** What was read and rendered so far. `renew` forgets what only holds within one turn. */
function createView({ project, render }: CutParts) {
  const files = new Map<string, RenderedFile | undefined>()
  const after = new Map<string, RecordChange['after']>()
  let keyed = new Map<string, ReadonlyMap<string, KeyedValue>>()
  return {
    files,
    after,
    renew() {
      keyed = new Map()
    },
    take(named: Named) {
      const key = keyOf(project.kinds, named)
      const kind = project.kinds.record(named.kind)
      if (kind) {
        files.set(key, render(key))
        after.set(key, project.read(kind, named.id as RecordId))
        return
      }
      // All keys of a kind lie in one file: it is rendered once a turn.
      const values = keyed.get(named.kind) ?? project.readKeys(named.kind)
      if (!keyed.has(named.kind)) files.set(`${named.kind}/`, render(key))
      keyed.set(named.kind, values)
      after.set(key, values.get(named.id))
    },
  }
}

function* allKeys(project: CutParts['project']): Generator<Named> {
  for (const kind of project.kinds.records) {
    for (let after = '', size = IDS; size === IDS; ) {
      const page = project.ids(kind, { after, limit: IDS })
      for (const id of page) yield { kind: kind.name, id }
      after = page.at(-1) ?? ''
      size = page.length
    }
  }
  for (const { name } of project.kinds.keyed) for (const id of project.readKeys(name).keys()) yield { kind: name, id }
}

/** Two entries of one key from passes that follow each other: the older tells what was there before. */
function joined(older: PendingChange | undefined, newer: PendingChange): PendingChange {
  return older
    ? { ...older, marks: [...older.marks, ...newer.marks], fields: [...older.fields, ...newer.fields] }
    : newer
}

async function changesOf(
  { records, keyed }: Kinds,
  pending: ReadonlyMap<string, PendingChange>,
  after: ReadonlyMap<string, RecordChange['after']>,
  turns: Turns,
): Promise<ReadonlyMap<string, RecordChange>> {
  const kinds = new Map([...records, ...keyed].map((kind) => [kind.name, kind]))
  const changes = new Map<string, RecordChange>()
  for (const [key, { kind, id, before, marks, fields }] of pending) {
    // The kind says which of the two shapes the values have; both came from the same record or key.
    const change = { kind: must(kinds.get(kind), `no kind ${kind}`), id, before, after: after.get(key), marks, fields }
    changes.set(key, change as RecordChange)
    if (turns.isOver()) await turns.next()
  }
  return changes
}
