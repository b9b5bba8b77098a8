import { OrchError } from '../../base/error.ts'
import type { RecordId } from '../../model/id.ts'
import type { RecordKind, Value, Values } from '../../model/kind.ts'
import { formatScope, type Scope } from '../../model/principal.ts'
import type { Project } from '../../store/project.ts'
import type { RecordPatch, Tx } from '../../store/tx.ts'
import type { OperationContext } from '../operation.ts'

/** The field whose members narrow a scope. */
const LABELS = 'labels'

/**
 * What an operation is given of a caller whose writes are narrowed. It is checked where every write of every operation
 * passes, in the transaction: a record must be inside a scope before a change and after it.
 */
export function scopedContext(context: OperationContext, scopes: readonly Scope[]): OperationContext {
  const { project, parts } = context
  const refuse = (what: string): never => {
    throw outside(what, scopes)
  }
  const checkTask = (id: RecordId | undefined): void => {
    const kind = project.kinds.record('task')
    const record = kind && id !== undefined ? project.read(kind, id) : undefined
    if (!isInside(scopes, 'task', record?.values)) refuse(id ?? 'any task')
  }
  return {
    ...context,
    project: Object.assign(Object.create(project) as Project, {
      transact: <T>(...[origin, write, options]: Parameters<typeof project.transact<T>>) =>
        project.transact(origin, (tx) => write(scopedTx(tx, scopes)), options),
      applyRows: () => refuse('rows'),
      applyUpdate: () => refuse('a document'),
      openLog: () => refuse('a document'),
      conflicts: { ...project.conflicts, keep: () => refuse('a conflict') },
    }),
    // Each part by name, so that a new one is decided about: what writes past the project's door is refused.
    parts: {
      snapshots: parts.snapshots,
      mirror: parts.mirror,
      // Reads only.
      code: parts.code,
      attention: { list: parts.attention.list, settle: () => refuse('the attention list') },
      remote: { state: parts.remote.state, set: () => refuse('remote'), sync: () => refuse('remote') },
      peers: { list: parts.peers.list, add: () => refuse('peers'), remove: () => refuse('peers') },
      tokens: {
        list: parts.tokens.list,
        create: () => refuse('tokens'),
        revoke: () => refuse('tokens'),
        rotate: () => refuse('tokens'),
        show: () => refuse('tokens'),
      },
      // Reads only.
      sql: parts.sql,
      audit: parts.audit,
      daemon: parts.daemon,
      agents: {
        ...parts.agents,
        claims: {
          ...parts.agents.claims,
          async claim(ask) {
            checkTask(ask.id)
            return parts.agents.claims.claim(ask)
          },
          async release(ask) {
            checkTask(ask.id)
            return parts.agents.claims.release(ask)
          },
          async handOver(ask) {
            checkTask(ask.id)
            return parts.agents.claims.handOver(ask)
          },
          setArbiter: () => refuse('the arbiter'),
        },
      },
    },
  }
}

function scopedTx(tx: Tx, scopes: readonly Scope[]): Tx {
  const check = (what: string, kind: string, values?: Values): void => {
    if (!isInside(scopes, kind, values)) throw outside(what, scopes)
  }
  const checkRecord = (kind: RecordKind, id: RecordId): void => check(id, kind.name, tx.read(kind, id)?.values)
  return {
    kinds: tx.kinds,
    read: (kind, id) => tx.read(kind, id),
    readKeys: (kind) => tx.readKeys(kind),
    create(kind, values, options) {
      check(`a new ${kind.name}`, kind.name, values)
      return tx.create(kind, values, options)
    },
    update(kind, id, patch) {
      checkRecord(kind, id)
      const labels = labelsAfter(tx.read(kind, id)?.values[LABELS], patch)
      check(id, kind.name, { [LABELS]: labels })
      tx.update(kind, id, patch)
    },
    delete(kind, id) {
      checkRecord(kind, id)
      tx.delete(kind, id)
    },
    restore(kind, id) {
      checkRecord(kind, id)
      tx.restore(kind, id)
    },
    setKey(kind, key, value) {
      check(`${kind}/${key}`, kind)
      tx.setKey(kind, key, value)
    },
    setArbiter() {
      throw outside('the arbiter', scopes)
    },
    keep() {
      throw outside('what is not declared here', scopes)
    },
    appendLog(entry) {
      check('the work log', 'log')
      return tx.appendLog(entry)
    },
  }
}

function isInside(scopes: readonly Scope[], kind: string, values: Values | undefined): boolean {
  const labels = labelsOf(values?.[LABELS])
  return scopes.some((scope) => scope.kind === kind && (scope.label === undefined || labels.includes(scope.label)))
}

function labelsOf(value: Value | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function labelsAfter(before: Value | undefined, { set, add, remove }: RecordPatch): readonly string[] {
  const base = set && LABELS in set ? labelsOf(set[LABELS]) : labelsOf(before)
  const gone = remove?.[LABELS] ?? []
  return [...base.filter((label) => !gone.includes(label)), ...(add?.[LABELS] ?? [])]
}

function outside(what: string, scopes: readonly Scope[]): OrchError {
  const reason = `${what} is outside what this token may write: ${scopes.map(formatScope).join(', ')}`
  return new OrchError('forbidden', { reason })
}
