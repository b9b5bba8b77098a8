import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { countOf, createTestRepo, must, type TestRepo, until } from './harness.ts'

interface Status {
  readonly websocket: string
  readonly project: { readonly id: string; readonly name: string }
  readonly replica: string
  readonly peers: readonly { readonly state: string; readonly name: string; readonly error?: string }[]
}
interface Task {
  readonly id: string
  readonly title: string
  readonly file: string
  readonly dependencies: readonly string[]
}

const repos: TestRepo[] = []
afterEach(async () => {
  await Promise.all(repos.splice(0).map((repo) => repo.remove()))
})

const startRepo = async (name: string): Promise<TestRepo> => {
  const repo = await createTestRepo({ name })
  repos.push(repo)
  return repo
}
const addressOf = async (repo: TestRepo): Promise<readonly [string, string, string]> => {
  const { websocket } = await repo.json<Status>('status')
  return [websocket, '--token', (await repo.json<{ token: string }>('token', 'show')).token]
}
const titlesOf = async (repo: TestRepo): Promise<readonly string[]> =>
  (await repo.json<{ items: Task[] }>('task', 'list', '--limit', '100')).items.map(({ title }) => title).sort()
const peerOf = async (repo: TestRepo) => (await repo.json<Status>('status')).peers[0]

test('[P1][P6] a project moves into another one; its other replica is told so and cannot do it again', async () => {
  const [platform, shop, second] = await Promise.all([startRepo('platform'), startRepo('shop'), startRepo('second')])
  await platform.json<Task>('task', 'create', 'Theirs')
  const first = await shop.json<Task>('task', 'create', 'Ours', '--body', 'The text.', '--as', 'claude')
  const next = await shop.json<Task>('task', 'create', 'Next', '--dependency', first.id)
  await must(shop.run(['state', 'set', 'currentPhase', '"plan"']))
  await must(platform.run(['state', 'set', 'currentPhase', '"build"']))
  await must(second.run(['peer', 'add', 'shop', ...(await addressOf(shop))]))
  await until(async () => (await titlesOf(second)).length === 2, 'the second replica')
  const before = await shop.json<Status>('status')

  // Apart, they are refused with what to do.
  const address = await addressOf(platform)
  await must(shop.run(['peer', 'add', 'apart', ...address]))
  await until(async () => (await peerOf(shop))?.error?.includes('orch join') === true, 'the refusal')
  await must(shop.run(['peer', 'remove', 'apart']))

  // Somebody saves while it moves.
  expect((await shop.run(['join', ...address])).stderr).toContain('into  platform')
  expect((await shop.json<Status>('status')).project.name).toBe('shop')
  const path = `orch/${first.file}`
  await must(shop.run(['sync']))
  const joining = shop.run(['join', ...address, '--yes'])
  await until(
    () => existsSync(join(shop.dir, '.git/orch/join')) || existsSync(join(shop.dir, '.git/orch/orch.db-wal')),
    'the join',
  )
  shop.write(path, shop.read(path).replace('The text.', 'The text. savedmeanwhile'))
  const said = await must(joining)
  expect(said.stdout).toContain('shop is now a part of platform')

  const [ours, theirs] = [await shop.json<Status>('status'), await platform.json<Status>('status')]
  expect(ours.project).toEqual(theirs.project)
  expect(ours.replica).not.toBe(before.replica)
  await until(async () => (await titlesOf(platform)).length === 3, 'the records on the other side')
  await must(shop.run(['sync']))
  expect(countOf(shop.read(path), 'savedmeanwhile')).toBe(1)
  expect(await shop.json<Task>('task', 'show', next.id)).toMatchObject({ dependencies: [first.id] })
  expect(await platform.json<Task>('task', 'show', first.id)).toMatchObject({ createdBy: 'claude' })
  expect(await titlesOf(shop)).toEqual(['Next', 'Ours', 'Theirs'])
  expect(JSON.parse(shop.read('orch/state.json'))).toMatchObject({ currentPhase: 'build', 'currentPhase.shop': 'plan' })
  expect(existsSync(join(shop.dir, `.git/orch/joined-${before.project.id}.db`))).toBe(true)
  expect(JSON.parse(shop.git('show', 'orch-history-shop:project.json'))).toMatchObject({
    id: before.project.id,
    movedTo: ours.project,
  })
  for (const repo of [shop, platform]) {
    const { ok, findings } = await repo.json<{ ok: boolean; findings: { detail: string }[] }>('doctor')
    // The second replica is refused, which is what needs somebody.
    expect(
      ok || findings.every(({ detail }) => detail === 'yes' || detail.includes('moved')),
      JSON.stringify(findings),
    ).toBe(true)
  }
  expect(JSON.parse(shop.git('show', 'orch-history:project.json'))).toMatchObject({ id: ours.project.id })

  // A clone that only has the old history is told, too.
  const late = await createTestRepo({ name: 'late', init: false })
  repos.push(late)
  late.git('fetch', '--quiet', shop.dir, 'orch-history-shop:orch-history')
  await must(late.run(['init', '--yes']))
  const told = await late.json<Status & { problems: { what: string }[] }>('status')
  expect(told.project).toEqual(before.project)
  expect(told.problems.map(({ what }) => what).join()).toContain('has moved into "platform"')

  await must(second.run(['restart']))
  await until(async () => (await peerOf(second))?.error?.includes('moved into "platform"') === true, 'the word', 30_000)
  const again = await second.run(['join', ...address, '--yes', '--json'])
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'already_joined' } })
  expect(await titlesOf(second)).toEqual(['Next', 'Ours'])
  await must(second.run(['peer', 'remove', 'shop']))
  await second.json<Task>('task', 'create', 'Only here')
  await must(second.run(['join', ...address, '--follow', '--yes']))
  await until(async () => (await titlesOf(platform)).includes('Only here'), 'what only the second replica had')
  await must(second.run(['sync']))
  expect(await titlesOf(second)).toEqual(['Next', 'Only here', 'Ours', 'Theirs'])
  const { ok, findings } = await second.json<{ ok: boolean; findings: unknown }>('doctor')
  expect(ok, JSON.stringify(findings)).toBe(true)
  expect(JSON.parse((await shop.run(['join', ...address, '--yes', '--json'])).stdout)).toMatchObject({
    error: { code: 'join_failed' },
  })
  await until(async () => (await titlesOf(shop)).length === 4, 'all on the first')
}, 120_000)
