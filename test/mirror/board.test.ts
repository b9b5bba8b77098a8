import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { boardText } from '../../src/mirror/board.ts'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { StoredRecord } from '../../src/store/project.ts'
import { createTestMirror, type TestMirror } from '../helpers/mirror.ts'
import { byClaude } from '../helpers/project.ts'

const BOARD = 'BOARD.md'
const read = (t: TestMirror): string => must(t.disk.text(BOARD), 'no board')
const save = async (t: TestMirror, edit: (text: string) => string): Promise<void> => {
  t.disk.save(BOARD, edit(read(t)))
  await t.sync()
}
const tasks = (t: TestMirror): readonly StoredRecord[] => t.held.project.list(task, { limit: 200 }).items
const named = (t: TestMirror, title: string): StoredRecord =>
  must(
    tasks(t).find(({ values }) => values.title === title),
    `no task ${title}`,
  )
const whats = (t: TestMirror): string =>
  t.attention
    .list()
    .map(({ where, what }) => `${where}: ${what}`)
    .join('\n')

describe('the board', () => {
  let t: TestMirror
  let id: RecordId
  beforeEach(async () => {
    t = await createTestMirror()
    id = await t.create('Fix the login')
    await t.sync()
  })

  test('shows tasks by status, and follows what commands change', async () => {
    expect(read(t)).toBe(boardText(t.held.project))
    expect(read(t)).toContain(`## Todo\n\n- [ ] Fix the login (${id})\n`)
    await t.update(id, { set: { status: 'blocked' } })
    await t.sync()
    expect(read(t)).toContain(`## Blocked\n\n- [ ] Fix the login (${id})\n`)
  })

  test('ticking completes, unticking reopens, and the task is changed by the person', async () => {
    await save(t, (text) => text.replace('- [ ] Fix', '- [x] Fix'))
    expect(t.task(id)).toMatchObject({ updatedBy: 'alice', values: { status: 'completed' } })
    expect(read(t)).toContain(`## Completed\n\n- [x] Fix the login (${id})\n`)
    await save(t, (text) => text.replace('- [x] Fix', '- [ ] Fix'))
    expect(t.task(id).values.status).toBe('todo')
    expect(read(t)).toBe(boardText(t.held.project))
  })

  test('a new line becomes a task, and its id is spliced in', async () => {
    await save(t, (text) => text.replace('## In progress\n', '## In progress\n\n- [ ] Write the guide'))
    const made = named(t, 'Write the guide')
    expect(made.values).toMatchObject({ status: 'in_progress', createdBy: 'alice' })
    expect(read(t)).toContain(`- [ ] Write the guide (${made.id})`)
    expect(t.disk.text(t.path(made.id))).toContain('title: Write the guide')
  })

  test('[P2][M6] an editor that goes on with a line that had no id makes no second task', async () => {
    const buffer = read(t).replace('## Todo\n', '## Todo\n\n- [ ] Wri')
    t.disk.save(BOARD, buffer)
    await t.sync()
    t.disk.save(BOARD, buffer.replace('Wri', 'Write the guide'))
    await t.sync()
    const later = await t.restart()
    later.disk.save(BOARD, buffer.replace('Wri', 'Write the whole guide'))
    await later.sync()
    expect(
      tasks(later)
        .map(({ values }) => values.title)
        .toSorted(),
    ).toEqual(['Fix the login', 'Write the whole guide'])
    expect(read(later)).toBe(boardText(later.held.project))
  })

  test('[M1][M2] a title that both edit is merged by words', async () => {
    const loaded = read(t)
    await t.update(id, { set: { title: 'Fix the whole login' } })
    t.disk.save(BOARD, loaded.replace('Fix the login', 'Fix the login of guests'))
    await t.sync()
    expect(t.task(id).values.title).toBe('Fix the whole login of guests')
  })

  test('[P6] a status that both set is the person’s, and the other one is kept', async () => {
    const loaded = read(t)
    await t.update(id, { set: { status: 'review' } })
    t.disk.save(BOARD, loaded.replace('- [ ] Fix', '- [x] Fix'))
    await t.sync()
    expect(t.task(id).values.status).toBe('completed')
    const item = must(
      t.attention.list().find(({ kind }) => kind === 'overridden_value'),
      'an item',
    )
    await t.drive(t.attention.settle(item.id, 'take', byClaude))
    expect(t.task(id).values.status).toBe('review')
  })

  test('[M8] a line that is taken out comes back, and is told; the file, too', async () => {
    await t.clock.advance(121_000)
    await save(t, (text) => text.replace(`- [ ] Fix the login (${id})\n`, ''))
    expect(read(t)).toContain(id)
    expect(whats(t)).toContain(`a line was taken out: ${id} comes back`)
    t.disk.delete(BOARD)
    await t.sync()
    await t.clock.advance(2000)
    await t.sync()
    expect(read(t)).toBe(boardText(t.held.project))
    expect(t.task(id).deletedAt).toBeUndefined()
  })

  test('[M8] an edit of a line whose task was deleted meanwhile brings it back', async () => {
    const loaded = read(t)
    await t.drive(t.held.project.transact(byClaude, (tx) => tx.delete(task, id)))
    await t.sync()
    expect(read(t)).not.toContain(id)
    t.disk.save(BOARD, loaded.replace('- [ ] Fix', '- [x] Fix'))
    await t.sync()
    expect(t.task(id)).toMatchObject({ values: { status: 'completed' } })
    expect(t.task(id).deletedAt).toBeUndefined()
    expect(whats(t)).toContain('there again')
  })

  test('[M7] what cannot be read is left as it is, with its line; the rest counts', async () => {
    await save(t, (text) =>
      text.replace('- [ ] Fix', 'call Ada first\n- [x] Fix').replace('## Todo\n', '## Todo\n- [ ] New\n'),
    )
    expect(t.task(id).values.status).toBe('completed')
    expect(read(t)).toContain('call Ada first\n- [x] Fix')
    expect(t.attention.list()).toMatchObject([{ kind: 'broken_file', where: BOARD, line: 10 }])
    await t.create('Another one')
    await t.sync()
    await save(t, (text) => text.replace('call Ada first\n', ''))
    expect(read(t)).toBe(boardText(t.held.project))
    expect(tasks(t)).toHaveLength(3)
    expect(t.attention.list()).toEqual([])
  })

  test('[M7] merge markers and an emptied board change nothing', async () => {
    const before = read(t)
    await save(t, (text) => text.replace('- [ ] Fix', '<<<<<<< a\n- [x] Fix\n=======\n- [ ] Fix').concat('>>>>>>> b\n'))
    await save(t, () => '')
    expect(t.task(id).values.status).toBe('todo')
    await save(t, () => before)
    expect(t.attention.list()).toEqual([])
  })

  test('[M10] line ends are no edit, and stay', async () => {
    await save(t, (text) => text.replaceAll('\n', '\r\n'))
    const rows = t.held.project.rowCount()
    await save(t, (text) => text.replace('- [ ] Fix', '- [x] Fix'))
    expect(t.task(id).values.status).toBe('completed')
    expect(t.held.project.rowCount()).toBe(rows + 1)
    expect(read(t)).toBe(boardText(t.held.project).replaceAll('\n', '\r\n'))
  })

  test('of many closed tasks the last are shown, and how many more there are', async () => {
    await t.drive(
      t.held.project.transact(byClaude, (tx) => {
        for (let i = 0; i < 25; i++) tx.create(task, { title: `Done ${i}`, status: 'completed' })
      }),
    )
    await t.sync()
    expect(read(t).match(/- \[x\]/g)).toHaveLength(20)
    expect(read(t)).toContain('_5 more: `orch task list --status completed`._')
    await save(t, (text) => text.replace('- [ ] Fix', '- [x] Fix'))
    expect(read(t)).toBe(boardText(t.held.project))
    expect(t.attention.list()).toEqual([])
  })
})

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('retitle' as const), at: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('status' as const), at: fc.nat(20), to: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('load' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('add' as const, 'word' as const, 'tick' as const, 'move' as const, 'drop' as const),
      at: fc.nat(40),
      to: fc.nat(5),
      isFresh: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2500 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** An edit of the board by hand, as lines; every word that it adds is one of its own. */
function edited(text: string, one: Step & { at: number; to: number }, word: string): string | undefined {
  const lines = text.split('\n')
  const items = lines.flatMap((line, i) => (/^- \[[ x]\] /.test(line) ? [i] : []))
  const headings = lines.flatMap((line, i) => (line.startsWith('## ') ? [i] : []))
  const heading = headings[one.to % Math.max(1, headings.length)] ?? 0
  const item = items[one.at % Math.max(1, items.length)]
  if (one.do === 'add') return lines.toSpliced(heading + 1, 0, `- [ ] ${word}`).join('\n')
  const line = lines[item ?? -1]
  if (item === undefined || line === undefined) return undefined
  switch (one.do) {
    case 'word':
      return lines.with(item, line.replace('] ', `] ${word} `)).join('\n')
    case 'tick':
      return lines
        .with(item, line.startsWith('- [ ]') ? line.replace('[ ]', '[x]') : line.replace('[x]', '[ ]'))
        .join('\n')
    case 'drop':
      // Who takes out a line that orch never saw takes out their own words.
      if (!line.endsWith(')') || line.includes('word')) return undefined
      return lines.toSpliced(item, 1).join('\n')
    default: {
      const without = lines.toSpliced(item, 1)
      return without.toSpliced(heading > item ? heading : heading + 1, 0, line).join('\n')
    }
  }
}

async function play(steps: readonly Step[]): Promise<{ t: TestMirror; words: string[]; made: number }> {
  let t = await createTestMirror()
  for (const title of ['alpha', 'beta', 'gamma']) await t.create(title)
  await t.sync()
  const words: string[] = []
  let made = 3
  let buffer = read(t)
  const ids = (): readonly RecordId[] => t.held.project.ids(task)
  for (const one of steps) {
    const word = `word${words.length}x`
    switch (one.do) {
      case 'create':
        await t.create(word)
        words.push(word)
        made++
        break
      case 'retitle': {
        const id = must(ids()[one.at % ids().length], 'a task')
        await t.update(id, { set: { title: `${t.task(id).values.title} ${word}` } })
        words.push(word)
        break
      }
      case 'status': {
        const id = must(ids()[one.at % ids().length], 'a task')
        const choices = ['todo', 'in_progress', 'blocked', 'review', 'completed', 'cancelled']
        await t.update(id, { set: { status: must(choices[one.to % 6], 'a status') } })
        break
      }
      case 'load':
        buffer = t.disk.text(BOARD) ?? buffer
        break
      case 'wait':
        await t.clock.advance(one.ms)
        break
      case 'restart':
        t = await t.restart()
        break
      default: {
        if (one.isFresh) buffer = t.disk.text(BOARD) ?? buffer
        const next = edited(buffer, one, word)
        if (next === undefined) break
        buffer = next
        t.disk.save(BOARD, buffer)
        t.events()?.hint(BOARD)
        if (one.do === 'add') made++
        if (one.do === 'add' || one.do === 'word') words.push(word)
      }
    }
  }
  await t.sync()
  return { t, words, made }
}

test('[P2][P3][M1][M6] whatever people do to the board and commands to the tasks, no word and no task is lost or doubled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 20 }), async (steps) => {
      const { t, words, made } = await play(steps)
      const all = tasks(t).map(({ values }) => String(values.title))
      expect(all).toHaveLength(made)
      const said = all
        .join(' ')
        .split(/\s+/)
        .filter((word) => word.startsWith('word'))
        .toSorted()
      expect(said).toEqual(words.toSorted())
      expect(read(t)).toBe(boardText(t.held.project))
      const rows = t.held.project.rowCount()
      await t.clock.advance(15_000)
      await t.sync()
      expect(t.held.project.rowCount()).toBe(rows)
      await t.drive(t.mirror.stop())
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 60) },
  )
}, 120_000)
