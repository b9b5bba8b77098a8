import { isObject, parsedOrNot } from '../base/json.ts'
import type { AwarenessEntry, Hello } from './frames.ts'

/** The names of what nodes share; see docs/redis.md. Braces keep what belongs together in one slot of a cluster. */
export interface RelayKeys {
  /** The project that has this name here. */
  readonly project: string
  /** Hash: what is known of each node. */
  readonly nodes: string
  readonly alive: (replica: string) => string
  readonly rows: string
  readonly to: (replica: string) => string
  readonly epoch: string
  /** What is only for who is there. */
  readonly news: string
  readonly credentials: string
}

export function relayKeys({ id, name }: { readonly id: string; readonly name: string }): RelayKeys {
  return {
    project: `orch:{${name}}:project`,
    nodes: `orch:{${name}}:nodes`,
    alive: (replica) => `orch:{${name}}:alive:${replica}`,
    rows: `orch:{${id}}:rows`,
    to: (replica) => `orch:{${id}}:to:${replica}`,
    epoch: `orch:{${id}}:epoch`,
    news: `orch:{${id}}:news`,
    credentials: `orch:{${id}}:credentials`,
  }
}

/** Where the leases of a project are. */
export function leaseKeys({ id }: { readonly id: string }) {
  return {
    leases: `orch:{${id}}:leases`,
    due: `orch:{${id}}:due`,
    fence: `orch:{${id}}:fence`,
    run: `orch:{${id}}:run`,
  }
}

/** What a node says of itself, kept when it is gone. */
export interface NodeWord {
  readonly hello: Hello
  /** Up to this entry of the stream it has all rows in its database. */
  readonly persisted: string
  /** Its wall clock, in milliseconds. */
  readonly at: number
}

/** What is gone with the node. */
export interface AliveWord {
  readonly instance: string
  /** Names of the actors in its room. */
  readonly here: readonly string[]
  /** What the clients in its room show. */
  readonly clients: readonly AwarenessEntry[]
  /** How many messages about that it had sent. */
  readonly told: number
}

/** A project's id and name as they came from Redis; undefined when they are none. */
export function readProject(text: string): Hello['project'] | undefined {
  const project = parsedOrNot(text)
  if (!isObject(project) || typeof project.id !== 'string' || typeof project.name !== 'string') return undefined
  return { id: project.id, name: project.name }
}

/** A node's word as it came from Redis; undefined when it is none. */
export function readNodeWord(text: string): NodeWord | undefined {
  const word = parsedOrNot(text)
  if (!isObject(word) || !isObject(word.hello) || !isObject(word.hello.project)) return undefined
  const { project, replica, instance, pristine, have } = word.hello as unknown as Hello
  const texts = [project.id, project.name, replica, instance, word.persisted]
  if (!texts.every((one) => typeof one === 'string') || !/^\d+-\d+$/.test(String(word.persisted))) return undefined
  if (!isObject(have) || !Object.values(have).every((seq) => Number.isSafeInteger(seq) && seq >= 0)) return undefined
  if (!Number.isFinite(word.at) || typeof pristine !== 'boolean') return undefined
  return {
    hello: { project: { id: project.id, name: project.name }, replica, instance, pristine, have: { ...have } },
    persisted: String(word.persisted),
    at: Number(word.at),
  }
}

export function readAliveWord(text: string | undefined): AliveWord | undefined {
  const word = text === undefined ? undefined : parsedOrNot(text)
  if (!isObject(word) || typeof word.instance !== 'string' || !Array.isArray(word.here)) return undefined
  const clients = Array.isArray(word.clients) ? word.clients.filter(isObject) : []
  return {
    instance: word.instance,
    here: word.here.filter((name) => typeof name === 'string'),
    clients: clients as unknown as readonly AwarenessEntry[],
    told: Number(word.told ?? 0),
  }
}
