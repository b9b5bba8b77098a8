import { beforeEach, describe, expect, test } from 'vitest'
import { OrchError } from '../../src/base/error.ts'
import { type Answer, type Caller, createCaller } from './operations-caller.ts'

let caller: Caller
let id: string
let base: string

beforeEach(async () => {
  caller = createCaller()
  id = String((await caller.call('task.create', { title: 'Fix the login', body: 'one two three' })).id)
  base = await textOf(id)
})

const textOf = async (record: string): Promise<string> =>
  String((await caller.call('record.text', { id: record })).text)
const edit = (text: string, from = base): Promise<Answer> => caller.call('record.edit', { id, base: from, text })
const show = (): Promise<Answer> => caller.call('task.show', { id })
/** What is refused, in words. */
const refused = async (text: string): Promise<string> => {
  const error: unknown = await edit(text).catch((caught: unknown) => caught)
  if (error instanceof OrchError) return `${error.code}: ${error.message}`
  throw new Error('it was not refused')
}

describe('an edited file', () => {
  test('changes what differs from the text it was opened on', async () => {
    const answer = await edit(base.replace('status: todo', 'status: review').replace('two', 'two and a half'))
    expect(answer).toMatchObject({ changed: true, merged: false, kept: [], message: `Updated ${id}: Fix the login.` })
    expect(await show()).toMatchObject({ status: 'review', body: 'one two and a half three' })
  })

  test('[P2] is merged with what others wrote meanwhile: other fields, other words, other members', async () => {
    await caller.call('task.update', {
      id,
      priority: 'high',
      addLabels: ['theirs'],
      find: 'three',
      replace: 'three four',
    })
    const text = base
      .replace('status: todo', 'status: review')
      .replace('labels: []', 'labels: [mine]')
      .replace('one', 'zero one')
    expect(await edit(text)).toMatchObject({ changed: true, merged: true })
    expect(await show()).toMatchObject({
      status: 'review',
      priority: 'high',
      labels: ['mine', 'theirs'],
      body: 'zero one two three four',
    })
  })

  test('[M9] keeps comments and keys of a person in the front matter', async () => {
    await edit(base.replace('status: todo', 'status: todo # soon\nsprint: 010'))
    expect(await textOf(id)).toContain('status: todo # soon\nsprint: 010\n')
  })

  test('that says the same changes nothing, and writes no row', async () => {
    const { hash } = await show()
    const before = caller.project.have()[caller.project.replica]
    expect(await edit(`${base.replaceAll('\n', '\r\n')}\r\n`)).toMatchObject({ changed: false })
    expect(caller.project.have()[caller.project.replica]).toBe(before)
    expect((await show()).hash).toBe(hash)
  })

  test('[M8] of a record that was deleted meanwhile brings it back', async () => {
    await caller.call('task.delete', { id })
    expect(await edit(base)).toMatchObject({ changed: false })
    expect((await show()).deletedAt).toBeDefined()
    expect((await edit(base.replace('two', 'TWO'))).message).toContain('is there again')
    expect(await show()).toMatchObject({ body: 'one TWO three' })
    expect((await show()).deletedAt).toBeUndefined()
  })

  test('[P6] names the keys whose edit does not count', async () => {
    const answer = await edit(
      base.replace(/createdBy: .*/, 'createdBy: mallory').replace(`id: ${id}`, 'id: t-00000000'),
    )
    expect(answer).toMatchObject({ changed: false, kept: ['id', 'createdBy'] })
    expect(answer.message).toContain('id, createdBy')
  })

  test('of a page is found by its path', async () => {
    await caller.call('page.write', { path: 'guides/start.md', text: 'Read this.' })
    const text = await textOf('guides/start.md')
    await caller.call('record.edit', { id: 'guides/start.md', base: text, text: text.replace('this', 'that') })
    expect(await caller.call('page.read', { path: 'guides/start.md' })).toMatchObject({ body: 'Read that.' })
  })
})

describe('[M7] an edited file that cannot be read is refused whole, with its place', () => {
  test.each<readonly [string, (text: string) => string, string]>([
    ['broken YAML', (text) => text.replace('labels: []', 'labels: [a'), 'invalid_file'],
    [
      'an unknown status',
      (text) => text.replace('status: todo', 'status: nearly'),
      'line 4, column 9: status: must be',
    ],
    ['no front matter', (text) => text.slice(text.indexOf('one')), 'line 1, column 1: the front matter is missing'],
    ['nothing', () => '', 'line 1, column 1: the front matter is missing'],
    ['merge markers', (text) => `${text}<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n`, 'invalid_file'],
    ['NUL', (text) => `${text}\0`, 'NUL'],
    [
      'a record that is not there',
      (text) => text.replace('dependencies: []', 'dependencies: [t-00000000]'),
      'There is no task',
    ],
  ])('%s', async (_, change, reason) => {
    const text = change(base).replace('two', 'TWO')
    expect(await refused(text)).toContain(reason)
    expect(await textOf(id)).toBe(base)
  })

  test('a dependency that closes a circle', async () => {
    const other = String((await caller.call('task.create', { title: 'Other', dependencies: [id] })).id)
    expect(await refused(base.replace('dependencies: []', `dependencies: [${other}]`))).toContain('dependency_cycle')
  })
})

test('a record that is deleted has no text to edit', async () => {
  await caller.call('task.delete', { id })
  expect(await caller.refusal('record.text', { id })).toMatchObject({ code: 'record_deleted' })
})
