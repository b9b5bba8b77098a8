import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordId } from '../../src/model/id.ts'
import { task } from '../../src/model/kinds/task.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { decodeChunk, encodeChunk, type Row } from '../../src/store/row.ts'
import { createHistoryWorld, type Did, FIRST_BODY, histories } from '../helpers/history.ts'
import { createTestProject } from '../helpers/project.ts'

const nameOf = ({ replica, seq }: Pick<Row, 'replica' | 'seq'>): string => `${replica}:${seq}`

/** Every letter that ever was in a body, in its place: who wrote it, and who deleted it. */
function letters(all: readonly Did[], id: string): readonly (readonly [string, string, string | undefined])[] {
  let text: { letter: string; by: string; gone: string | undefined }[] = []
  for (const { what, on, row, at, insert, cut } of all) {
    if (on !== id) continue
    const visible = text.filter(({ gone }) => gone === undefined)
    const place = at < visible.length ? text.indexOf(visible[at] as never) : text.length
    const added = what === 'create' ? FIRST_BODY : insert
    const made = [...added].map((letter) => ({ letter, by: nameOf(row), gone: undefined }))
    for (const letter of visible.slice(at, at + cut)) letter.gone = nameOf(row)
    text = [...text.slice(0, place), ...made, ...text.slice(place)]
  }
  return text.map(({ letter, by, gone }) => [letter, by, gone])
}

async function blamed(project: OpenProject, id: RecordId) {
  const { texts, values } = await project.past.blame(task, id)
  const body = texts.find(({ field }) => field === 'body')?.pieces ?? []
  return {
    letters: body.flatMap(({ text, row, deletedBy }) =>
      [...text].map((letter) => [letter, nameOf(row), deletedBy && nameOf(deletedBy)] as const),
    ),
    values: values.map(({ field, member, isDeleted, row }) => [field, member, isDeleted, nameOf(row)] as const),
  }
}

/** A clone that has nothing but the rows as they lie in git. */
async function fromGit(project: OpenProject): Promise<OpenProject> {
  const clone = createTestProject({ seed: 9 }).project
  clone.adopt({ id: project.id, name: project.name })
  await clone.applyRows(decodeChunk(encodeChunk(project.rowsSince({}, 10_000))), { source: 'git', commit: 'c' })
  return clone
}

test('[P5] every letter and every value has the row that wrote it, and what is gone the one that deleted it', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (steps) => {
      const world = createHistoryWorld()
      const all: Did[] = []
      for (const step of steps) {
        const did = await world.run(step)
        if (did) all.push(did)
        await world.meet()
      }
      for (const id of world.records) {
        const found = await blamed(world.replicas[0], id)
        expect(found.letters).toEqual(letters(all, id))
        const statuses = all.filter(({ what, on }) => on === id && (what === 'status' || what === 'create'))
        const status = found.values.find(([field]) => field === 'status')
        expect(status?.[3]).toBe(nameOf((statuses.at(-1) as Did).row))
        for (const [, label, isDeleted, row] of found.values.filter(([field]) => field === 'labels')) {
          const last = all.findLast(({ what, on, value }) => what === 'label' && on === id && value === label) as Did
          expect([row, isDeleted]).toEqual([nameOf(last.row), !last.add])
        }
      }
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 20) },
  )
})

test('[P3][P5] replicas that wrote at the same time say the same, and so does a clone from git alone', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (steps) => {
      const world = createHistoryWorld()
      for (const step of steps) await world.run(step)
      await world.meet()
      const [a, b] = world.replicas
      const clone = await fromGit(b)
      for (const id of world.records) {
        const found = await blamed(a, id)
        expect(await blamed(b, id)).toEqual(found)
        expect(await blamed(clone, id)).toEqual(found)
        const visible = found.letters.flatMap(([letter, , gone]) => (gone === undefined ? [letter] : []))
        expect(visible.join('')).toBe(a.read(task, id)?.values.body)
      }
    }),
    { numRuns: Number(process.env.ORCH_RUNS ?? 20) },
  )
})
