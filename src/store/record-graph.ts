import type { Edge, Graph, GraphNode } from '../model/graph.ts'
import type { RecordId } from '../model/id.ts'
import type { RecordKind } from '../model/kind.ts'
import type { Database } from './database.ts'
import { setTable } from './index-tables.ts'

export interface GraphQuery {
  /** A field that holds ids of the same kind. */
  readonly field: string
  /** Where it begins; without it, all open records that have such an id or are named by one. */
  readonly root?: RecordId | undefined
  /** Forward along the ids that records hold, backward to those that hold them. */
  readonly direction: 'forward' | 'backward' | 'both'
  /** How far from the root. */
  readonly depth: number
  readonly limit: number
}

export interface FoundGraph extends Graph {
  /** There is more than the limit. */
  readonly isCut: boolean
}

/** Records of a kind and the ids they hold of one another, deleted ones aside: two statements, whatever their number. */
export function recordGraph(db: Database, kind: RecordKind, query: GraphQuery): FoundGraph {
  const edges = edgesSql(kind, query.field)
  const ids = query.root === undefined ? allIds(db, kind, edges, query.limit) : idsAround(db, edges, query, query.root)
  const kept = ids.slice(0, query.limit)
  const list = JSON.stringify(kept)
  const nodes = db.all<SqlNode>(
    `SELECT t.id, t."${kind.title}" AS title, ${columnOr(kind, 'status', "''")} AS status, ${columnOr(kind, 'estimatedHours', 'NULL')} AS hours
     FROM json_each(?) AS j JOIN ${kind.table} AS t ON t.id = j.value WHERE t.deletedAt IS NULL`,
    list,
  )
  const living = new Set(nodes.map(({ id }) => id))
  const found = db.all<{ source: string; target: string }>(
    `SELECT source, target FROM (${edges}) WHERE source IN (SELECT value FROM json_each(?)) ORDER BY source, target`,
    list,
  )
  return {
    nodes: nodes.map((node) => nodeOf(kind, node)),
    edges: found
      .filter(({ source, target }) => living.has(source) && living.has(target))
      .map(({ source, target }): Edge => ({ from: source, to: target })),
    isCut: ids.length > kept.length,
  }
}

/** What is done of the parts of records, theirs included, however deep: of each record that has parts. */
export interface Progress {
  readonly total: number
  readonly closed: number
  readonly estimatedHours: number
  readonly spentHours: number
}

export function progressOf(db: Database, kind: RecordKind, ids: readonly string[]): ReadonlyMap<string, Progress> {
  const closed = closedValues(kind)
  const rows = db.all<Progress & { root: string }>(
    `WITH RECURSIVE parts (root, id) AS (
       SELECT j.value, t.id FROM json_each(?) AS j JOIN ${kind.table} AS t ON t."parent" = j.value WHERE t.deletedAt IS NULL
       UNION SELECT parts.root, t.id FROM parts JOIN ${kind.table} AS t ON t."parent" = parts.id WHERE t.deletedAt IS NULL)
     SELECT root, count(*) AS total, coalesce(sum("status" IN (SELECT value FROM json_each(?))), 0) AS closed,
       coalesce(sum("estimatedHours"), 0) AS estimatedHours, coalesce(sum("spentHours"), 0) AS spentHours
     FROM parts JOIN ${kind.table} AS t USING (id) GROUP BY root`,
    JSON.stringify(ids),
    JSON.stringify(closed),
  )
  return new Map(rows.map(({ root, ...progress }) => [root, { ...progress }]))
}

interface SqlNode {
  readonly id: string
  readonly title: string | null
  readonly status: string | null
  readonly hours: number | null
}

function nodeOf(kind: RecordKind, { id, title, status, hours }: SqlNode): GraphNode {
  return { id, title: title ?? '', status: status ?? '', hours, isOpen: !closedValues(kind).includes(status ?? '') }
}

/** Values of the status that say a record is over. */
function closedValues(kind: RecordKind): readonly string[] {
  return Object.values(kind.stamps).find(({ field }) => field === 'status')?.values ?? []
}

function columnOr(kind: RecordKind, field: string, otherwise: string): string {
  return kind.fields[field] ? `t."${field}"` : otherwise
}

function edgesSql(kind: RecordKind, field: string): string {
  return kind.fields[field]?.merge === 'set'
    ? `SELECT id AS source, value AS target FROM ${setTable(kind, field)}`
    : `SELECT id AS source, "${field}" AS target FROM ${kind.table} WHERE "${field}" IS NOT NULL`
}

function allIds(db: Database, kind: RecordKind, edges: string, limit: number): readonly string[] {
  const closed = closedValues(kind)
  const status = kind.fields.status ? `AND coalesce(t."status", '') NOT IN (SELECT value FROM json_each(?))` : ''
  return db
    .all<{ id: string }>(
      `SELECT t.id FROM ${kind.table} AS t WHERE t.deletedAt IS NULL ${status}
         AND t.id IN (SELECT source FROM (${edges}) UNION SELECT target FROM (${edges}))
       ORDER BY t.sort_key, t.id LIMIT ?`,
      ...(status === '' ? [] : [JSON.stringify(closed)]),
      limit + 1,
    )
    .map(({ id }) => id)
}

function idsAround(
  db: Database,
  edges: string,
  { direction, depth, limit }: GraphQuery,
  root: string,
): readonly string[] {
  const walk = (from: 'source' | 'target', to: 'source' | 'target'): readonly string[] =>
    db
      .all<{ id: string }>(
        `WITH RECURSIVE edges AS (${edges}),
           near (id, far) AS (SELECT ?, 0 UNION SELECT edges.${to}, far + 1 FROM near JOIN edges ON edges.${from} = near.id WHERE far < ? LIMIT ?)
         SELECT id, min(far) AS far FROM near GROUP BY id ORDER BY far, id`,
        root,
        depth,
        // A circle goes round until the depth is reached: bounded, too.
        limit * 8,
      )
      .map(({ id }) => id)
  const ahead = direction === 'backward' ? [] : walk('source', 'target')
  const behind = direction === 'forward' ? [] : walk('target', 'source')
  return [...new Set([...ahead, ...behind])].slice(0, limit + 1)
}

/** Whether a field leads from records of a kind to others of it. */
export function isOwnRelation(kind: RecordKind, field: string): boolean {
  const value = kind.fields[field]?.value
  return value?.type === 'ref' && value.kind === kind.name
}
