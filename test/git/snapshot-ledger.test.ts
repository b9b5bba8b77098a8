import { expect, test } from 'vitest'
import { openSnapshotLedger, type PendingChange, type SnapshotLedger } from '../../src/git/snapshot-ledger.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { openDatabase } from '../../src/store/database.ts'
import type { Change, KeyedValue } from '../../src/store/project.ts'

const keyValue = (text: string): KeyedValue => ({ key: 'phase', value: text, updatedAt: 1, updatedBy: 'al' })
const changed = (id: string, before: string | undefined, seq: number, actor = 'al', kind = 'state'): Change => ({
  kind,
  id,
  before: before === undefined ? undefined : keyValue(before),
  after: keyValue('later'),
  row: {
    replica: 'r1',
    seq,
    doc: 'main',
    at: seq * 10,
    actor,
    source: 'api',
    verified: true,
    session: '',
    seen: {},
    touched: [],
  },
})
const all = (ledger: SnapshotLedger, upto: number, after = 0): readonly PendingChange[] =>
  ledger.changes({ after, upto, fromKey: '', limit: 100 })

test('what changed is listed once per key, with what was there first and everybody who changed it', () => {
  const ledger = openSnapshotLedger(openDatabase(':memory:'), builtInKinds)
  expect(ledger.isEmpty()).toBe(true)
  ledger.note([changed('phase', 'one', 1), changed('t-00000001', undefined, 1, 'al', 'task')])
  ledger.note([changed('phase', 'two', 2), changed('phase', 'three', 3, 'bo')])
  expect(ledger.isEmpty()).toBe(false)
  const mark = { replica: 'r1', session: '' }
  expect(all(ledger, ledger.cut())).toEqual([
    {
      key: 'state/phase',
      kind: 'state',
      id: 'phase',
      before: keyValue('one'),
      pathBefore: undefined,
      marks: [
        { ...mark, actor: 'al', seq: 2, at: 20 },
        { ...mark, actor: 'bo', seq: 3, at: 30 },
      ],
      fields: [],
    },
    {
      key: 't-00000001',
      kind: 'task',
      id: 't-00000001',
      before: undefined,
      pathBefore: undefined,
      marks: [{ ...mark, actor: 'al', seq: 1, at: 10 }],
      fields: [],
    },
  ])
})

test('[P1] what changes after a cut survives the snapshot of that cut, with what the snapshot held', () => {
  const ledger = openSnapshotLedger(openDatabase(':memory:'), builtInKinds)
  ledger.note([changed('phase', 'one', 1)])
  const cut = ledger.cut()
  ledger.note([changed('phase', 'two', 2)])
  expect(all(ledger, cut)).toMatchObject([{ before: keyValue('one'), marks: [{ seq: 1 }] }])
  ledger.done({ commit: 'c1', have: { r1: 1 } }, cut)
  expect(ledger.last()).toEqual({ commit: 'c1', have: { r1: 1 } })
  expect(all(ledger, ledger.cut())).toMatchObject([{ before: keyValue('two'), marks: [{ seq: 2 }] }])
})

test('[P1] cuts that led to no snapshot are one list for the next, and a part of it can be asked for', () => {
  const ledger = openSnapshotLedger(openDatabase(':memory:'), builtInKinds)
  ledger.note([changed('phase', 'one', 1)])
  const first = ledger.cut()
  ledger.note([changed('phase', 'two', 2), changed('goal', undefined, 2)])
  const second = ledger.cut()
  expect(all(ledger, second)).toMatchObject([
    { key: 'state/goal' },
    { key: 'state/phase', before: keyValue('one'), marks: [{ seq: 2 }] },
  ])
  expect(all(ledger, second, first)).toMatchObject([{ key: 'state/goal' }, { before: keyValue('two') }])
})

test('a long list comes in pages', () => {
  const ledger = openSnapshotLedger(openDatabase(':memory:'), builtInKinds)
  ledger.note(['a', 'b', 'c'].map((id) => changed(id, undefined, 1)))
  const upto = ledger.cut()
  const keysFrom = (fromKey: string): string[] =>
    ledger.changes({ after: 0, upto, fromKey, limit: 2 }).map(({ key }) => key)
  expect(keysFrom('')).toEqual(['state/a', 'state/b'])
  expect(keysFrom('state/b')).toEqual(['state/c'])
})

test('it is as durable as the transaction of the rows, and goes on where it was when opened again', () => {
  const db = openDatabase(':memory:')
  const ledger = openSnapshotLedger(db, builtInKinds)
  expect(() =>
    db.transaction(() => {
      ledger.note([changed('lost', undefined, 1)])
      throw new Error('disk full')
    }),
  ).toThrow('disk full')
  expect(ledger.isEmpty()).toBe(true)
  ledger.note([changed('phase', 'one', 1)])
  const cut = ledger.cut()
  ledger.keepPaths(new Map([['state/phase', 'state.json']]))

  const again = openSnapshotLedger(db, builtInKinds)
  again.note([changed('phase', 'two', 2)])
  again.done({ commit: 'c1', have: {} }, cut)
  expect(all(again, again.cut())).toMatchObject([{ before: keyValue('two'), pathBefore: 'state.json' }])
  again.keepPaths(new Map([['state/phase', undefined]]))
  expect(all(again, again.cut())).toMatchObject([{ pathBefore: undefined }])
})

test('what a snapshot holds is forgotten at once and removed little by little, and a crash in between changes nothing', () => {
  const db = openDatabase(':memory:')
  const ledger = openSnapshotLedger(db, builtInKinds)
  ledger.note(Array.from({ length: 1000 }, (_, i) => changed(`key${i}`, undefined, i + 1)))
  const cut = ledger.cut()
  ledger.note([changed('key1', 'later', 1001)])
  ledger.done({ commit: 'c1', have: {} }, cut)
  const kept = (): number => Number(db.get<{ n: number }>('SELECT count(*) AS n FROM snapshot_changes')?.n)
  expect(kept()).toBeGreaterThan(500)
  expect(all(ledger, ledger.cut()).map(({ key }) => key)).toEqual(['state/key1'])
  expect(ledger.tidy()).toBe(true)

  const again = openSnapshotLedger(db, builtInKinds)
  expect(kept()).toBe(1)
  expect(again.tidy()).toBe(false)
  again.note([changed('key2', undefined, 1002)])
  const next = again.cut()
  expect(all(again, next).map(({ key }) => key)).toEqual(['state/key1', 'state/key2'])
  again.done({ commit: 'c2', have: {} }, next)
  while (again.tidy());
  expect([again.isEmpty(), kept()]).toEqual([true, 0])
  again.note([changed('key3', undefined, 1003)])
  expect(all(again, again.cut()).map(({ key }) => key)).toEqual(['state/key3'])
})

test('[P8] what changed after a cut is found without looking through what changed before it', () => {
  const db = openDatabase(':memory:')
  const plans: string[] = []
  const watched = {
    ...db,
    all: <T>(sql: string, ...params: never[]) => {
      const steps = db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params)
      plans.push(steps.map(({ detail }) => detail).join('\n'))
      return db.all<T>(sql, ...params)
    },
  }
  const ledger = openSnapshotLedger(watched, builtInKinds)
  ledger.note([changed('phase', undefined, 1)])
  const first = ledger.cut()
  expect(all(ledger, first)).toHaveLength(1)
  expect(plans.splice(0).join('\n')).toMatch(/SEARCH c USING INDEX snapshot_changes_key \(key>\?/)
  ledger.note([changed('other', undefined, 2)])
  expect(all(ledger, ledger.cut(), first)).toHaveLength(1)
  expect(plans.join('\n')).not.toContain('snapshot_changes_key')
})
