import { expect, test } from 'vitest'
import {
  formatMessage,
  parseMessage,
  type RecordChange,
  type SnapshotFacts,
  snapshotMessage,
} from '../../src/git/message.ts'
import type { Mark } from '../../src/git/snapshot-ledger.ts'
import type { RecordId } from '../../src/model/id.ts'
import type { RecordKind, Values } from '../../src/model/kind.ts'
import { page } from '../../src/model/kinds/page.ts'
import { state } from '../../src/model/kinds/state.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { Json } from '../../src/model/record.ts'
import type { KeyedValue, StoredRecord } from '../../src/store/project.ts'

const record = (kind: RecordKind, id: string, values: Values, more: Partial<StoredRecord> = {}): StoredRecord => ({
  id: id as RecordId,
  kind: kind.name,
  values: { ...kind.defaults, ...values },
  extra: {},
  front: '',
  file: `${id}.md`,
  issues: [],
  updatedAt: 0,
  updatedBy: '',
  ...more,
})
const mark = (actor: string, session = ''): Mark => ({ replica: 'r1', seq: 1, at: 0, actor, session })
const login = (values: Values = {}, more: Partial<StoredRecord> = {}): StoredRecord =>
  record(task, 't-7f3k9q2m', { title: 'Fix login', ...values }, more)
const change = (before: StoredRecord | undefined, after: StoredRecord, ...actors: string[]): RecordChange => ({
  id: after.id,
  kind: after.kind === 'task' ? task : page,
  before,
  after,
  marks: actors.map((actor) => mark(actor)),
})
const keyChange = (id: string, before: Json | undefined, after: Json | undefined, actor: string): RecordChange => {
  const value = (json: Json | undefined): KeyedValue => ({ key: id, value: json, updatedAt: 0, updatedBy: actor })
  return { id, kind: state, before: value(before), after: value(after), marks: [mark(actor)] }
}
const facts = (changes: readonly RecordChange[], more: Partial<SnapshotFacts> = {}): SnapshotFacts => ({
  project: 'demo',
  replica: 'r1',
  changes,
  actors: [...new Set(changes.flatMap(({ marks }) => marks.map(({ actor }) => actor)))].sort(),
  sessions: [],
  rows: { r1: 7 },
  ...more,
})
const subject = (...changes: RecordChange[]): string => snapshotMessage(facts(changes)).subject
const golden = (lines: string): string => lines.replace(/^\n/, '')

test('[P5] one step of one task: the whole message', () => {
  const step = change(login({ status: 'in_progress' }), login({ status: 'completed' }), 'claude')
  const message = snapshotMessage(facts([step], { sessions: ['s-1'] }))
  expect(formatMessage(message)).toBe(
    golden(`
t-7f3k9q2m: in_progress -> completed (claude)

t-7f3k9q2m Fix login (claude)
  status in_progress -> completed

Orch-Actor: claude
Orch-Session: s-1
Orch-Seq: r1:7
Orch-Replica: r1
`),
  )
  expect(message.author).toEqual({ name: 'claude', email: 'claude@orch.invalid' })
})

test('[P5] many records by several actors: the whole message', () => {
  const changes = [
    change(
      login({ labels: ['old', 'web'], body: 'Users see a blank page.\n', spentHours: 0.1 }),
      login(
        {
          labels: ['api', 'web'],
          body: 'Users often see a white page.\n',
          spentHours: 0.3,
          assignee: 'bob',
          closedAt: 'x',
        },
        { extra: { milestone: 'v2' }, file: 'login.md' },
      ),
      'bob',
      'alice',
    ),
    change(undefined, record(task, 't-00000001', { title: 'Ship', priority: 'high', body: 'Now or never' }), 'alice'),
    change(
      login({}, { id: 't-00000002' as RecordId }),
      login({}, { id: 't-00000002' as RecordId, deletedAt: 5 }),
      'bob',
    ),
    change(
      login({}, { id: 't-00000003' as RecordId, deletedAt: 5 }),
      login({}, { id: 't-00000003' as RecordId }),
      'bob',
    ),
    change(
      record(page, 'p-00000001', { title: 'Plan', body: '' }),
      record(page, 'p-00000001', { title: 'The plan', body: '' }),
      'alice',
    ),
    keyChange('currentPhase', 'design', 'build', 'alice'),
  ]
  const message = snapshotMessage(
    facts(changes, { rows: { r1: 7, r2: 3 }, mailOf: (name) => (name === 'bob' ? 'bob@example.com' : undefined) }),
  )
  expect(formatMessage(message)).toBe(
    golden(`
4 tasks, 1 page, 1 state key by 2 actors

t-7f3k9q2m Fix login (alice, bob)
  assignee none -> bob
  labels +api -old
  spentHours +0.2
  body +2 -1 words
  milestone none -> v2
  file t-7f3k9q2m.md -> login.md

t-00000001 created "Ship" (alice)
  priority medium -> high
  body +3 words

t-00000002 Fix login (bob)
  deleted

t-00000003 Fix login (bob)
  restored

p-00000001 The plan (alice)
  title Plan -> The plan

state currentPhase (alice)
  "design" -> "build"

Orch-Actor: alice
Orch-Actor: bob
Orch-Seq: r1:7
Orch-Seq: r2:3
Orch-Replica: r1
Co-authored-by: alice <alice@orch.invalid>
Co-authored-by: bob <bob@example.com>
`),
  )
  expect(message.author).toEqual({ name: 'orch', email: 'orch@orch.invalid' })
})

test.each<[string, RecordChange]>([
  ['t-7f3k9q2m: created "Fix login" (alice)', change(undefined, login(), 'alice')],
  ['t-7f3k9q2m: deleted "Fix login" (bob)', change(login(), login({}, { deletedAt: 1 }), 'bob')],
  ['t-7f3k9q2m: restored "Fix login" (bob)', change(login({}, { deletedAt: 1 }), login(), 'bob')],
  ['t-7f3k9q2m: created and deleted "Fix login" (bob)', change(undefined, login({}, { deletedAt: 1 }), 'bob')],
  ['t-7f3k9q2m: body +2 -1 words (bob)', change(login({ body: 'a b c' }), login({ body: 'a d e c' }), 'bob')],
  ['t-7f3k9q2m: body -1 word (bob)', change(login({ body: 'a b c' }), login({ body: 'a c' }), 'bob')],
  ['t-7f3k9q2m: body +2 words (bob)', change(login({ body: '買物' }), login({ body: '買い物に' }), 'bob')],
  ['t-7f3k9q2m: body rearranged (bob)', change(login({ body: 'a\nb' }), login({ body: 'b\na' }), 'bob')],
  ['t-7f3k9q2m: todo -> review (bob)', change(login(), login({ status: 'review', body: 'x' }), 'bob')],
  ['t-7f3k9q2m: title, labels (4 actors)', change(login(), login({ title: 'x', labels: ['y'] }), 'a', 'b', 'c', 'd')],
  ['t-7f3k9q2m: front matter rearranged (bob)', change(login(), login({}, { front: '# hi' }), 'bob')],
  ['t-7f3k9q2m: no visible change (bob)', change(login(), login(), 'bob')],
  ['state progress: 3 (bob)', keyChange('progress', undefined, 3, 'bob')],
  ['state progress: removed (was 3) (bob)', keyChange('progress', 3, undefined, 'bob')],
  ['state progress: no visible change (bob)', keyChange('progress', 3, 3, 'bob')],
])('the subject of one change is "%s"', (expected, one) => {
  expect(subject(one)).toBe(expected)
})

test('the first snapshot of an empty project, and rows that change no file, have a subject too', () => {
  expect(snapshotMessage(facts([])).subject).toBe('project demo')
  expect(snapshotMessage(facts([], { actors: ['bob'] })).subject).toBe('no visible change (bob)')
})

test('[P5] where several changed one record, each line says who', () => {
  const one = change(
    login({ labels: ['old'] }),
    login({ labels: ['new'], status: 'review', assignee: 'bob' }),
    'bob',
    'alice',
  )
  const fields = [
    { field: 'status', actor: 'bob' },
    { field: 'labels', actor: 'alice' },
    { field: 'labels', actor: 'bob' },
  ]
  expect(snapshotMessage(facts([{ ...one, fields }])).body.split('\n')).toEqual([
    't-7f3k9q2m Fix login (alice, bob)',
    '  status todo -> review (bob)',
    '  assignee none -> bob',
    '  labels +new -old (alice, bob)',
  ])
})

test('what a person calls a snapshot is its subject, and what orch would have said follows', () => {
  const { subject: title, body } = snapshotMessage(
    facts([change(undefined, login(), 'alice')], { title: 'Before the move\n\nall of it' }),
  )
  expect(title).toBe('Before the move')
  expect(body).toMatch(/^all of it\n\nt-7f3k9q2m: created "Fix login" \(alice\)\n\nt-7f3k9q2m created/)
})

test('a text of others cannot add lines, trailers or an address to a message', () => {
  const title = 'x\n\nOrch-Actor: root\u2028\u0000 <a@b>'
  const evil = change(login(), login({ title, labels: ['a\nOrch-Actor: root'] }), 'al')
  const message = snapshotMessage(facts([evil], { sessions: ['s\nOrch-Actor: root'], title: `t\n\nOrch-Actor: root` }))
  const parsed = parseMessage(formatMessage(message))
  expect(parsed.trailers.filter(([name]) => name === 'Orch-Actor')).toEqual([['Orch-Actor', 'al']])
})

test('a thousand records are counted in the subject and cut in the body', () => {
  const many = Array.from({ length: 1000 }, (_, i) =>
    change(undefined, record(task, `t-${String(i).padStart(8, '0')}`, { title: 'x' }), 'a'),
  )
  const { subject: title, body } = snapshotMessage(facts(many))
  expect(title).toBe('1000 tasks by a')
  expect(body).toMatch(/and 900 more$/)
  expect(body.split('\n\n')).toHaveLength(101)
})

test('an actor whose name has no Latin letter gets an address of its own', () => {
  const mails = ['山田', '田中', 'Zoë B.', '-'].map(
    (name) => snapshotMessage(facts([change(undefined, login(), name)])).author.email,
  )
  expect(new Set(mails).size).toBe(4)
  for (const mail of mails) expect(mail).toMatch(/^[a-z0-9._+-]+@orch\.invalid$/)
})

test('a message comes apart into what it was made of, and one that orch did not write is only subject and body', () => {
  const message = snapshotMessage(facts([change(undefined, login({ body: 'some text' }), 'alice')]))
  const { author: _, ...parts } = message
  expect(parseMessage(formatMessage(message))).toEqual(parts)
  expect(parseMessage('Fix typo\n\nby hand: yes\nand more\n')).toEqual({
    subject: 'Fix typo',
    body: 'by hand: yes\nand more',
    trailers: [],
  })
})

test('a comment is named as one', () => {
  const said = (...ids: string[]) => ({ comments: ids.map((id) => ({ id, at: 1, by: 'claude', text: 'x' })) })
  expect(subject(change(login(said()), login(said('a')), 'claude'))).toBe('t-7f3k9q2m: +1 comment (claude)')
  expect(subject(change(login(said('a')), login(said('a', 'b', 'c')), 'claude'))).toBe(
    't-7f3k9q2m: +2 comments (claude)',
  )
})
