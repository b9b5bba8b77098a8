import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Vector } from '../store/row.ts'
import type { Hello } from './frames.ts'
import { covers } from './next-rows.ts'
import type { Peering } from './peering.ts'
import {
  type AliveWord,
  type NodeWord,
  type RelayKeys,
  readAliveWord,
  readNodeWord,
  readProject,
  relayKeys,
} from './relay-keys.ts'
import type { Streams } from './streams.ts'

export interface RelayMembersParts {
  readonly peering: Peering
  readonly connected: () => Streams
  /** What this node says of itself at each look, that is gone with it. */
  readonly alive: () => Omit<AliveWord, 'instance'>
  /** Up to this entry of the stream all rows are in this node's database. */
  readonly persisted: () => string
  readonly clock: Clock
  readonly log: Logger
  /** Random text. */
  readonly key: () => string
  readonly forgetMs: number
  /** There is nothing to go on from: another project, or a server that has lost what it had. */
  readonly onReset: () => void
  readonly onDataLost: () => void
  /** An earlier run of this daemon had all up to this entry. */
  readonly onResume: (persisted: string) => void
  readonly onChange: () => void
}

/** Another node as this one knows it. */
export interface Member {
  readonly word: NodeWord
  /** What it held at the look before: what it wrote since may still be on its way. */
  readonly before: Vector
  readonly alive: AliveWord | undefined
  readonly refusal: string | undefined
}

/** Which nodes serve the project at this server, and which project that is. */
export interface RelayMembers {
  /** Looks at the others and says that this node lives. */
  look(): Promise<void>
  all(): ReadonlyMap<string, Member>
  keys(): RelayKeys
  /** Why this node's project is not the one of the others. */
  refusal(): string | undefined
  /** Tells the others at once. */
  leave(): Promise<void>
}

export const ALIVE_MS = 10_000
/** Stands for the project itself where no node speaks for it. */
const NOBODY = { replica: '', instance: '', pristine: false, have: {} } as const satisfies Omit<Hello, 'project'>

export function createRelayMembers(parts: RelayMembersParts): RelayMembers {
  const { peering, connected, persisted, clock, log, key, forgetMs, onReset, onChange } = parts
  const { project } = peering
  let keys: RelayKeys = relayKeys(project)
  /** As what this node has put itself into the list of nodes. */
  let registered: string | undefined
  let epoch: string | undefined
  let nodes: ReadonlyMap<string, Member> = new Map()
  let refusal: string | undefined

  /** Which project has this name is decided once for all nodes; one that holds nothing yet joins it. */
  const meetProject = async (): Promise<void> => {
    const { id, name } = project
    const there = readProject(await connected().setOnce(relayKeys(project).project, JSON.stringify({ id, name })))
    const { pristine } = peering.hello()
    const verdict = there && (await peering.meet({ project: there, ...NOBODY }, 'host'))
    refusal = verdict?.type === 'refuse' ? verdict.reason : undefined
    if (project.id !== id && pristine) log.info('joined the project that has this name in Redis', { id: project.id })
    const next = relayKeys(project)
    if (next.rows !== keys.rows) {
      onReset()
      epoch = undefined
    }
    keys = next
  }

  const meetServer = async (): Promise<void> => {
    const found = await connected().setOnce(keys.epoch, key())
    if (epoch !== undefined && found !== epoch) {
      log.warn('Redis has lost its data: the nodes exchange what they hold', {})
      onReset()
      registered = undefined
      parts.onDataLost()
    }
    epoch = found
  }

  const readOthers = async (): Promise<ReadonlyMap<string, Member>> => {
    const redis = connected()
    const words = [...(await redis.fields(keys.nodes)).values()].flatMap((text) => readNodeWord(text) ?? [])
    const own = words.find(({ hello }) => hello.replica === project.replica)
    await meetOneself(own)
    const others = words.filter(({ hello }) => hello.replica !== project.replica)
    const alive = await redis.get(others.map(({ hello }) => keys.alive(hello.replica)))
    const found = new Map<string, Member>()
    for (const [i, word] of others.entries()) {
      const { replica, instance, have } = word.hello
      const known = nodes.get(replica)
      const isNew = known?.word.hello.instance !== instance
      if (isNew) log.info('a node is there', { replica })
      found.set(replica, {
        word,
        before: known && !isNew ? known.word.hello.have : have,
        alive: readAliveWord(alive[i]),
        refusal: await refusalOf(word.hello),
      })
    }
    return found
  }
  const refusalOf = async (hello: Hello): Promise<string | undefined> => {
    const verdict = await peering.meet(hello, 'host')
    return verdict.type === 'refuse' ? verdict.reason : undefined
  }
  /** What stands there under this replica's id may be of an earlier run, of a database before it was restored, or of a copy. */
  const meetOneself = async (own: NodeWord | undefined): Promise<void> => {
    if (!own) return
    const ours = peering.hello()
    const isOther = own.hello.instance !== ours.instance
    const isRestored = !covers(ours.have, { [ours.replica]: own.hello.have[ours.replica] ?? 0 })
    const isCopied = isOther && registered === ours.replica
    if (isRestored || isCopied) {
      registered = own.hello.replica
      await peering.meet({ ...own.hello, instance: isOther ? own.hello.instance : key() }, 'host')
      onReset()
      return
    }
    if (registered === undefined) parts.onResume(own.persisted)
  }

  const register = async (): Promise<void> => {
    const redis = connected()
    const { replica } = project
    if (registered !== undefined && registered !== replica) {
      await redis.dropField(keys.nodes, registered)
      await redis.remove(keys.to(registered))
    }
    const hello = peering.hello()
    const word: NodeWord = { hello, persisted: persisted(), at: clock.now() }
    const alive: AliveWord = { instance: hello.instance, ...parts.alive() }
    await redis.setField(keys.nodes, replica, JSON.stringify(word))
    await redis.setFor(keys.alive(replica), JSON.stringify(alive), ALIVE_MS)
    registered = replica
  }

  const forget = async (): Promise<void> => {
    const gone = [...nodes.values()].filter(({ word, alive }) => !alive && clock.now() - word.at > forgetMs)
    for (const { word } of gone) {
      const { replica } = word.hello
      log.info('a node was away for long and is not waited for any more', { replica })
      await connected().dropField(keys.nodes, replica)
      await connected().remove(keys.to(replica))
    }
    nodes = new Map([...nodes].filter(([, one]) => !gone.includes(one)))
  }

  return {
    async look() {
      await meetProject()
      await meetServer()
      const others = await readOthers()
      await register()
      const whoIs = (all: ReadonlyMap<string, Member>): string =>
        JSON.stringify([...all].map(([replica, { alive }]) => [replica, alive?.here]))
      const isOther = whoIs(others) !== whoIs(nodes)
      nodes = others
      await forget()
      if (isOther) onChange()
    },
    all: () => nodes,
    keys: () => keys,
    refusal: () => refusal,
    async leave() {
      const word: NodeWord = { hello: peering.hello(), persisted: persisted(), at: clock.now() }
      await connected().setField(keys.nodes, project.replica, JSON.stringify(word))
      await connected().setFor(keys.alive(project.replica), '', 1)
    },
  }
}
