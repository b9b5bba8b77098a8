import type { Activity } from '../protocol.ts'
import type { McpCaller } from './caller.ts'

/** What a follower has not heard while no daemon was there. */
export interface Missed {
  /** Remembers how far it has heard, from now on. */
  begin(): void
  /** Tells of everything since. False when not all of it can be named. */
  catchUp(onChange: (change: Activity) => void): Promise<boolean>
}

/** As many tokens as an answer may have: what changed is told by record, so this is some hundreds of them. */
const BUDGET = 50_000
const MAX_PAGES = 20

interface Delta {
  readonly cursor: string
  readonly more: boolean
  readonly changes?: readonly { readonly kind: string; readonly id: string; readonly more?: object }[]
  readonly inbox?: readonly { readonly id: string }[]
}

export function createMissed(caller: McpCaller): Missed {
  let cursor: Promise<string | undefined> = Promise.resolve(undefined)

  const now = async (): Promise<string | undefined> => {
    const { cursor: here } = (await caller.read('wait', { message: true, timeout: 0 })) as { readonly cursor: string }
    return here
  }
  const changeOf = async (kind: string, id: string): Promise<Activity> => {
    // Pages are known by their paths.
    const file = kind === 'page' ? await fileOf(id) : undefined
    return { at: '', actor: '', text: '', about: { kind, id, ...(file !== undefined && { file }) } }
  }
  const fileOf = async (id: string): Promise<string | undefined> => {
    const page = (await caller.read('page.read', { path: id })) as { readonly file?: string }
    return page.file
  }

  return {
    begin() {
      cursor = now().catch(() => undefined)
    },
    async catchUp(onChange) {
      let since = await cursor
      cursor = Promise.resolve(since)
      for (let page = 0; since !== undefined && page < MAX_PAGES; page++) {
        const delta = (await caller.read('context.get', { since, budget: BUDGET })) as Delta
        for (const { kind, id, more } of delta.changes ?? []) {
          if (more !== undefined) return false
          onChange(await changeOf(kind, id))
        }
        for (const { id } of delta.inbox ?? []) onChange(await changeOf('context', id))
        since = delta.cursor
        cursor = Promise.resolve(since)
        if (!delta.more) return true
      }
      return false
    },
  }
}
