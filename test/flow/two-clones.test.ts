import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { countOf, createTestRepo, must, type TestRepo, until } from './harness.ts'

interface Status {
  readonly websocket: string
  readonly project: { readonly id: string; readonly name: string }
  readonly peers: readonly { readonly state: string; readonly name: string }[]
}
interface Task {
  readonly id: string
  readonly file: string
  readonly body: string
  readonly labels: readonly string[]
  readonly spentHours: number
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

const addPeer = async (from: TestRepo, to: TestRepo): Promise<void> => {
  const { websocket } = await to.json<Status>('status')
  const { token } = await to.json<{ token: string }>('token', 'show')
  await must(from.run(['peer', 'add', 'other', websocket, '--token', token]))
}

const isLinked = async (repo: TestRepo): Promise<boolean> =>
  (await repo.json<Status>('status')).peers.some(({ state }) => state === 'linked')

/** Every file of a mirror but the replica's own view. */
function filesOf(repo: TestRepo): Readonly<Record<string, string>> {
  const names = readdirSync(repo.mirror, { recursive: true, encoding: 'utf8' })
  const shared = names.filter((name) => /\.(md|json)$/.test(name) && name !== 'LOCAL.md' && !name.startsWith('.'))
  return Object.fromEntries(shared.sort().map((name) => [name, readFileSync(join(repo.mirror, name), 'utf8')]))
}

test('[P3] two clones, linked, cut and rejoined: 200 mixed edits through commands and files, nothing lost, all equal', async () => {
  const [a, b] = await Promise.all([startRepo('shop'), startRepo('elsewhere')])
  const shared = await Promise.all(
    [0, 1, 2, 3].map((i) => a.json<Task>('task', 'create', `Shared ${i}`, '--body', `Top ${i}.\n\nBottom ${i}.`)),
  )
  await addPeer(b, a)
  await until(() => isLinked(b), 'the link')
  const [ours, theirs] = await Promise.all([a.json<Status>('status'), b.json<Status>('status')])
  expect(theirs.project).toEqual(ours.project)
  await until(async () => (await b.json<{ total: number }>('task', 'list')).total === 4, 'the tasks on the other side')
  await must(b.run(['sync']))

  let words = 0
  const expected: string[] = []
  const editOne = async (repo: TestRepo, who: string, round: number): Promise<void> => {
    const task = shared[round % shared.length] as Task
    const word = `${who}${words++}w`
    expected.push(word)
    if (round % 5 === 0) await must(repo.run(['task', 'create', word, '--as', who]))
    else if (round % 5 === 1) await must(repo.run(['task', 'update', task.id, '--add-label', word, '--as', who]))
    else if (round % 5 === 2) {
      const path = `orch/${task.file}`
      repo.write(path, repo.read(path).replace(/^(Top \d\.)/m, `$1 ${word}`))
      await must(repo.run(['sync']))
    } else await must(repo.run(['task', 'update', task.id, '--append', word, '--spent', '1', '--as', who]))
  }
  const phase = async (rounds: number): Promise<void> => {
    await Promise.all(
      (
        [
          [a, 'ada'],
          [b, 'bob'],
        ] as const
      ).map(async ([repo, who]) => {
        for (let round = 0; round < rounds; round++) await editOne(repo, who, round)
      }),
    )
  }

  await phase(30)
  await must(b.run(['peer', 'remove', 'other']))
  await phase(40)
  await addPeer(b, a)
  await phase(30)

  const haveAll = async (repo: TestRepo): Promise<boolean> => {
    const { items } = await repo.json<{ items: (Task & { title: string })[] }>(
      'task',
      'list',
      '--full',
      '--limit',
      '200',
    )
    const text = JSON.stringify(items)
    return expected.every((word) => text.includes(word))
  }
  await until(() => haveAll(a), 'all on the one side')
  await until(() => haveAll(b), 'all on the other side')
  await Promise.all([must(a.run(['sync'])), must(b.run(['sync']))])

  const [left, right] = [filesOf(a), filesOf(b)]
  expect(right).toEqual(left)
  const all = Object.entries(left)
    .filter(([name]) => name.startsWith('tasks/'))
    .map(([, text]) => text)
    .join('\n')
  // A created task shows its word in its title and its file is named after it; everything else stands once in all files.
  for (const word of expected) expect(countOf(all, word), word).toBe(1)
  for (const repo of [a, b]) {
    const { ok, findings } = await repo.json<{ ok: boolean; findings: unknown[] }>('doctor')
    expect(ok, JSON.stringify(findings)).toBe(true)
  }
}, 240_000)

test('a stock y-websocket provider sees what is there and changes it; a command and the file show the change', async () => {
  const repo = await startRepo('stock')
  const { id, file } = await repo.json<Task>('task', 'create', 'From the command', '--body', 'Hello.')
  const { websocket } = await repo.json<Status>('status')
  const { token } = await repo.json<{ token: string }>('token', 'show')
  const at = websocket.lastIndexOf('/')
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(websocket.slice(0, at), websocket.slice(at + 1), doc, {
    WebSocketPolyfill: WebSocket as never,
    params: { token },
    disableBc: true,
  })
  try {
    await until(() => provider.synced, 'the first sync')
    const map = doc.getMap('tasks').get(id) as Y.Map<unknown>
    expect(map.get('title')).toBe('From the command')
    ;(map.get('body') as Y.Text).insert(5, ' from Yjs')
    await until(
      async () => (await repo.json<Task>('task', 'show', id)).body.includes('from Yjs'),
      'the edit in the command',
    )
    await must(repo.run(['sync']))
    expect(repo.read(`orch/${file}`)).toContain('Hello from Yjs.')
    await must(repo.run(['task', 'update', id, '--add-label', 'seen']))
    await until(() => (map.get('labels') as Y.Map<boolean>).has('seen'), 'the command in the client')
  } finally {
    provider.destroy()
  }
})
