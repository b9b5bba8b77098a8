import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { task } from '../../src/model/kinds/task.ts'
import { builtInKinds } from '../../src/model/kinds.ts'
import { checkStore, type InMemory, type StoreFindings } from '../../src/store/check.ts'
import { openDatabase, openDatabaseReadOnly } from '../../src/store/database.ts'
import type { OpenProject } from '../../src/store/open-project.ts'
import { byAlice, createTestProject } from '../helpers/project.ts'
import { withFaults } from '../memory/database.ts'

const dir = mkdtempSync(join(tmpdir(), 'orch-check-'))
const file = join(dir, 'orch.db')
const db = openDatabase(file)
const { project } = createTestProject({ database: withFaults(db) })

const inMemory = ({ rowCount, encodeStateVector }: OpenProject): InMemory => ({
  rows: rowCount(),
  stateVector: encodeStateVector(),
})

function check(memory: InMemory): StoreFindings {
  const reader = openDatabaseReadOnly(file)
  try {
    return checkStore(reader, builtInKinds, memory)
  } finally {
    reader.close()
  }
}

test('a database is compared with what its rows give, while it is written to', async () => {
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'One', labels: ['ui'] }))
  const memory = inMemory(project)
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'Two' }))
  expect(check(memory)).toEqual({ damage: [], differences: [] })
})

test('an index that says something else is found, and a document that does', () => {
  const memory = inMemory(project)
  db.run("UPDATE tasks SET title = 'Other' WHERE title = 'One'")
  expect(check(memory).differences).toEqual([
    expect.stringMatching(/^only in the index: tasks .*Other/),
    expect.stringMatching(/^missing in the index: tasks .*One/),
  ])
  db.run("UPDATE tasks SET title = 'One' WHERE title = 'Other'")
  expect(check({ ...memory, stateVector: new Uint8Array([0]) }).differences).toEqual([
    'the document in memory is not what its rows give',
  ])
  db.close()
  rmSync(dir, { recursive: true })
})
