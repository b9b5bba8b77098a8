import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entriesOf } from '../../src/model/comments.ts'
import { task } from '../../src/model/kinds/task.ts'
import { renderRecord } from '../../src/model/markdown.ts'
import { createTestMirror, type TestMirror, TIERS } from '../helpers/mirror.ts'
import { byClaude } from '../helpers/project.ts'
import type { MemoryDiskOptions } from '../memory/disk.ts'

/** What happens, in any order, to one task and its file. Numbers choose a line, an editor, a time. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('command' as const), at: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('label' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('comment' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('save' as const), at: fc.nat(20), byRename: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('load' as const), editor: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('save-loaded' as const), editor: fc.nat(2), at: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 700 }) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Puts a line of its own into a text, somewhere below the front matter. */
function withLine(text: string, at: number, line: string): string {
  const lines = text.split('\n')
  const first = lines.indexOf('---', 1) + 2
  const index = Math.min(lines.length - 1, first + (at % Math.max(1, lines.length - first)))
  return [...lines.slice(0, index), line, ...lines.slice(index)].join('\n')
}

async function play(
  steps: readonly Step[],
  tier: MemoryDiskOptions,
): Promise<{ t: TestMirror; id: Awaited<ReturnType<TestMirror['create']>>; tokens: string[]; labels: string[] }> {
  const t = await createTestMirror({ tier })
  const id = await t.create('Fix login', { body: 'alpha beta\n\ngamma delta\n\nomega' })
  await t.update(id, { append: { comments: [{ text: 'one\ntwo' }, { text: 'three' }] } })
  await t.sync()
  const path = t.path(id)
  const tokens: string[] = []
  const labels: string[] = []
  // What editors have loaded. Two editors that overwrite one another's saves lose words without orch, so each save makes
  // the others load anew; what they do not see is what orch writes.
  const buffers = new Map<number, string>()
  const hint = (): void => t.events()?.hint(path)
  for (const one of steps) {
    const token = `token${tokens.length}x`
    switch (one.do) {
      case 'command':
        await t.drive(
          t.held.project.transact(byClaude, (tx) => {
            const body = String(tx.read(task, id)?.values.body)
            const ends = [...body.matchAll(/\n/g)].map(({ index }) => index)
            const at = ends[one.at % Math.max(1, ends.length)] ?? body.length
            tx.update(task, id, { edit: { body: [{ at, delete: 0, insert: `\n${token}` }] } })
          }),
        )
        tokens.push(token)
        break
      case 'label':
        await t.update(id, { add: { labels: [`label${labels.length}`] } })
        labels.push(`label${labels.length}`)
        break
      case 'comment':
        await t.update(id, { append: { comments: [{ text: `said ${token}\n\n\`\`\`\n> code\n\`\`\`` }] } })
        tokens.push(token)
        break
      case 'save': {
        // For a moment of an exchange there is no file; an editor that saves then has just read it.
        const now = t.disk.text(path)
        if (now === undefined) break
        const text = withLine(now, one.at, token)
        if (one.byRename) t.disk.saveByRename(path, text)
        else t.disk.save(path, text)
        hint()
        tokens.push(token)
        buffers.clear()
        break
      }
      case 'load':
        buffers.set(one.editor, t.disk.text(path) ?? '')
        break
      case 'save-loaded': {
        const loaded = buffers.get(one.editor)
        if (!loaded) break
        const text = withLine(loaded, one.at, token)
        t.disk.save(path, text)
        buffers.clear()
        buffers.set(one.editor, text)
        hint()
        tokens.push(token)
        break
      }
      case 'wait':
        await t.clock.advance(one.ms)
        break
    }
  }
  await t.sync()
  return { t, id, tokens, labels }
}

test.each(TIERS)(
  '[P2][P3][M1][M6] whatever people save and commands change, fresh or stale, is there exactly once, %s disk',
  async (_tier, tier) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 16 }), async (steps) => {
        const { t, id, tokens, labels } = await play(steps, tier)
        const record = t.task(id)
        const comments = entriesOf(record.values.comments)
        const body = [String(record.values.body), ...comments.map(({ text }) => text)].join('\n')
        // What was said stays as it was said, and those who said it.
        expect(comments.slice(0, 2)).toMatchObject([
          { by: 'claude', text: 'one\ntwo' },
          { by: 'claude', text: 'three' },
        ])
        expect(String(record.values.body)).not.toMatch(/orch:comment|^> /m)
        const counts = Object.fromEntries(tokens.map((token) => [token, body.split(`${token}`).length - 1]))
        expect(counts).toEqual(Object.fromEntries(tokens.map((token) => [token, 1])))
        expect(body.match(/alpha beta|gamma delta|omega/g)).toHaveLength(3)
        expect(record.values.labels).toEqual(labels.toSorted())
        // The file is the rendering, and looking again changes nothing.
        expect(t.file(id)).toBe(renderRecord(task, record))
        const rows = t.held.project.rowCount()
        await t.clock.advance(15_000)
        await t.sync()
        expect(t.held.project.rowCount()).toBe(rows)
        expect(t.file(id)).toBe(renderRecord(task, record))
        expect(t.disk.paths().filter((path) => path.startsWith('.orch/'))).toEqual(['.orch/root'])
        await t.drive(t.mirror.stop())
      }),
      { numRuns: 80, endOnFailure: false },
    )
  },
)
