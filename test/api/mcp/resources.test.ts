import { expect, test } from 'vitest'
import { createMcpWorld, type Era } from './client.ts'

const eras: readonly Era[] = ['legacy', 'modern']

test.each(eras)('%s: a client hears of what it subscribed to, and of nothing else', async (era) => {
  const world = createMcpWorld()
  const [watcher, writer] = [await world.connect('watcher', era), await world.connect('writer')]
  const { data: mine } = await writer.call('create', { title: 'mine' })
  const { data: other } = await writer.call('create', { title: 'other' })
  await writer.call('create', { kind: 'page', path: 'a b/ü.md', title: 'Page', text: 'x' })
  await watcher.follow(`orch://task/${mine.id}`, 'orch://page/a%20b/%C3%BC.md', 'orch://state')

  await writer.call('update', { id: other.id, fields: { status: 'review' } })
  await writer.call('update', { id: mine.id, fields: { status: 'review' } })
  await writer.call('edit', { id: 'a b/ü.md', append: 'y' })
  await writer.call('update', { id: 'state', fields: { phase: 'beta' } })
  await expect
    .poll(() => watcher.updated)
    .toEqual([`orch://task/${mine.id}`, 'orch://page/a%20b/%C3%BC.md', 'orch://state'])

  const [page] = (await watcher.client.readResource({ uri: 'orch://page/a%20b/%C3%BC.md' })).contents
  expect(page && 'text' in page && page.text).toContain('> x\n>\n> y')
})

test('who unsubscribes, or goes, hears no more', async () => {
  const world = createMcpWorld()
  const [watcher, writer] = [await world.connect('watcher'), await world.connect('writer')]
  // Its first call starts its session, which is a change.
  await writer.call('find')
  await watcher.follow('orch://state', 'orch://changes')
  await watcher.client.unsubscribeResource({ uri: 'orch://state' })
  await writer.call('update', { id: 'state', fields: { a: 1 } })
  await expect.poll(() => watcher.updated).toEqual(['orch://changes'])
  await watcher.client.close()
  await writer.call('update', { id: 'state', fields: { a: 2 } })
  expect(watcher.updated).toEqual(['orch://changes'])
})

test.each(eras)('%s: views, templates and what completes them', async (era) => {
  const world = createMcpWorld()
  const { client, call } = await world.connect('claude', era)
  const { data } = await call('create', { title: 'Fix the login' })
  await call('create', { kind: 'page', path: 'guides/start.md', title: 'Start', text: 'x' })
  const { resources } = await client.listResources()
  expect(resources.map(({ uri }) => uri)).toEqual(['orch://state', 'orch://ready', 'orch://changes'])
  for (const { uri } of resources) expect((await client.readResource({ uri })).contents).toHaveLength(1)
  const { resourceTemplates } = await client.listResourceTemplates()
  expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
    'orch://task/{id}',
    'orch://page/{+path}',
    'orch://session/{id}',
  ])
  const complete = async (uri: string, name: string, value: string): Promise<readonly string[]> => {
    const { completion } = await client.complete({ ref: { type: 'ref/resource', uri }, argument: { name, value } })
    return completion.values
  }
  expect(await complete('orch://task/{id}', 'id', 't-')).toEqual([data.id])
  expect(await complete('orch://page/{+path}', 'path', 'gui')).toEqual(['guides/start.md'])
  const prompt = { type: 'ref/prompt', name: 'start' } as const
  const { completion } = await client.complete({ ref: prompt, argument: { name: 'task', value: '' } })
  expect(completion.values).toEqual([data.id])
  await expect(client.readResource({ uri: 'orch://task/t-zzzzzzzz' })).rejects.toThrow('no record')
})
