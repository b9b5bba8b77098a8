import { createHash, timingSafeEqual } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Clock } from '../../base/clock.ts'
import { OrchError } from '../../base/error.ts'
import type { Logger } from '../../base/log.ts'
import { type Random, randomText } from '../../model/id.ts'
import { formatScope, type Role, type Scope } from '../../model/principal.ts'
import type { StoredToken, TokenStore } from '../../store/token-store.ts'

/** What a token is to be. */
export interface TokenWish {
  readonly name: string
  readonly role: Role
  readonly scopes?: readonly Scope[] | undefined
  /** Whom it stands for; null where its bearer says who it is. */
  readonly actor: StoredToken['actor']
  /** Milliseconds since 1970. */
  readonly expiresAt?: number | undefined
}

/** A token that was just made: the only moment at which its text is known. */
export interface NewToken {
  readonly token: string
  readonly stored: StoredToken
}

/** A token that was shown and is valid. */
export interface ValidToken {
  readonly stored: StoredToken
  /** Aborted when it is revoked, replaced or expires. */
  readonly ended: AbortSignal
}

/** Where the text of the default token is kept, which this repository's own people read. */
export interface TokenFile {
  read(): string | undefined
  write(token: string): void
  remove(): void
}

export interface Tokens {
  /** Throws `already_exists` when a token of this name is valid. */
  create(wish: TokenWish, by: string): NewToken
  /** Those that were revoked and have expired included. */
  list(): readonly StoredToken[]
  /** Ends a token, and every connection made with it, at once. By name or id; throws `token_not_found`. */
  revoke(nameOrId: string): StoredToken
  /** Makes a new text for a token; the old one ends at once. */
  rotate(nameOrId: string): NewToken
  /** The text of the default token. Throws `token_not_found` when it is revoked. */
  show(): string
  /** Whose token it is; undefined when it is none, ended, or another project's. Takes as long for every wrong one. */
  verify(text: string): ValidToken | undefined
  /** Takes on what another node of this project knows of a token: made, replaced, or revoked there. */
  learn(token: StoredToken): void
  /** Makes all tokens this project's, when it has just taken on the id of another. */
  rebind(): void
}

const DEFAULT_TOKEN = 'default'
const ID_LENGTH = 8
/** 160 bits. */
const SECRET_LENGTH = 32
/** Last use is not worth a write at every use. */
const USED_EVERY_MS = 60_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface TokensParts {
  readonly store: TokenStore
  readonly file: TokenFile
  /** The id of the project, which tokens are for. */
  readonly project: () => string
  readonly random: Random
  readonly clock: Clock
  readonly log: Logger
  /** Hears of a token that was made, replaced or revoked here and is good at other nodes, too. */
  readonly onKept?: (token: StoredToken) => void
}

export function createTokens(parts: TokensParts): Tokens {
  const { store, file, project, random, clock, log, onKept = () => undefined } = parts
  const tokens = new Map(store.all().map((token) => [token.id, token]))
  const ends = new Map<string, AbortController>()

  const keep = (token: StoredToken): StoredToken => {
    store.put(token)
    tokens.set(token.id, token)
    if (isShared(token)) onKept(token)
    return token
  }
  const isValid = ({ revokedAt, expiresAt }: StoredToken): boolean =>
    revokedAt === null && (expiresAt === null || expiresAt > clock.now())
  const named = (nameOrId: string): StoredToken | undefined => {
    const found = [...tokens.values()].filter(({ id, name }) => name === nameOrId || id === nameOrId)
    return found.find(isValid) ?? found.at(-1)
  }
  const mustFind = (nameOrId: string): StoredToken => {
    const token = named(nameOrId)
    if (!token) throw new OrchError('token_not_found', { name: nameOrId })
    return token
  }
  const end = (id: string): void => {
    ends.get(id)?.abort()
    ends.delete(id)
  }

  /** Made when a token is first shown; ends it when it expires. */
  const signalOf = ({ id, expiresAt }: StoredToken): AbortSignal => {
    const known = ends.get(id)
    if (known) return known.signal
    const controller = new AbortController()
    setMaxListeners(0, controller.signal)
    ends.set(id, controller)
    const watch = (): void => {
      if (expiresAt === null || controller.signal.aborted) return
      const left = expiresAt - clock.now()
      if (left <= 0) end(id)
      else clock.after(Math.min(left, LONGEST_TIMER_MS), watch)
    }
    watch()
    return controller.signal
  }

  const make = (id: string): { readonly token: string; readonly hash: string } => {
    const token = `orch_${id}_${randomText(random, SECRET_LENGTH)}`
    return { token, hash: digest(token).toString('hex') }
  }

  const used = (token: StoredToken): void => {
    const now = clock.now()
    if (token.lastUsedAt !== null && now - token.lastUsedAt < USED_EVERY_MS) return
    tokens.set(token.id, { ...token, lastUsedAt: now })
    try {
      store.used(token.id, now)
    } catch (error) {
      // A disk that takes no writes is reported by who must write; this one is only a note.
      log.warn('the last use of a token could not be kept', { token: token.id, error })
    }
  }

  /** The token that is there without being made: its text is in a file, from before tokens had names, too. */
  const openDefault = (): void => {
    const stored = named(DEFAULT_TOKEN)
    if (stored && !isValid(stored)) return
    const text = file.read()
    const isKept = stored && text !== undefined && digest(text).toString('hex') === stored.hash
    if (isKept && stored.project === project()) return
    // A database that is new, as after a join, meets the token that others know: it keeps the id that is in its text.
    const id = stored?.id ?? (text && idOf(text)) ?? randomText(random, ID_LENGTH)
    const made = make(id)
    const token = text ?? made.token
    if (text === undefined) file.write(token)
    keep({
      id,
      name: DEFAULT_TOKEN,
      hash: digest(token).toString('hex'),
      role: 'replica',
      scopes: null,
      actor: null,
      project: project(),
      createdAt: stored?.createdAt ?? clock.now(),
      createdBy: 'orch',
      expiresAt: null,
      lastUsedAt: stored?.lastUsedAt ?? null,
      revokedAt: null,
    })
  }
  openDefault()

  return {
    create(wish, by) {
      const taken = named(wish.name)
      if (taken && isValid(taken)) throw new OrchError('already_exists', { what: `The token "${wish.name}"` })
      const id = randomText(random, ID_LENGTH)
      const { token, hash } = make(id)
      const stored = keep({
        id,
        name: wish.name,
        hash,
        role: wish.role,
        scopes: wish.scopes?.map(formatScope) ?? null,
        actor: wish.actor,
        project: project(),
        createdAt: clock.now(),
        createdBy: by,
        expiresAt: wish.expiresAt ?? null,
        lastUsedAt: null,
        revokedAt: null,
      })
      if (wish.name === DEFAULT_TOKEN) file.write(token)
      return { token, stored }
    },
    list: () => [...tokens.values()].sort((a, b) => a.createdAt - b.createdAt),
    revoke(nameOrId) {
      const found = mustFind(nameOrId)
      const stored = found.revokedAt === null ? keep({ ...found, revokedAt: clock.now() }) : found
      end(stored.id)
      if (stored.name === DEFAULT_TOKEN) file.remove()
      return stored
    },
    rotate(nameOrId) {
      const found = mustFind(nameOrId)
      const { token, hash } = make(found.id)
      const now = clock.now()
      // It is valid for as long as it was meant to be at first.
      const expiresAt = found.expiresAt === null ? null : now + found.expiresAt - found.createdAt
      const whole = { ...found, hash, project: project(), createdAt: now, expiresAt, revokedAt: null, lastUsedAt: null }
      const stored = keep(whole)
      end(stored.id)
      if (stored.name === DEFAULT_TOKEN) file.write(token)
      return { token, stored }
    },
    show() {
      const stored = named(DEFAULT_TOKEN)
      const text = file.read()
      if (!stored || !isValid(stored) || text === undefined) {
        throw new OrchError('token_not_found', { name: DEFAULT_TOKEN })
      }
      return text
    },
    verify(text) {
      const id = idOf(text)
      const stored = id === undefined ? named(DEFAULT_TOKEN) : tokens.get(id)
      const isRight = timingSafeEqual(digest(text), Buffer.from(stored?.hash ?? NO_HASH, 'hex'))
      if (!stored || !isRight || !isValid(stored) || stored.project !== project()) return undefined
      used(stored)
      return { stored, ended: signalOf(stored) }
    },
    learn(token) {
      if (!isShared(token) || token.project !== project()) return
      const known = tokens.get(token.id)
      const isNewer = !known || token.createdAt > known.createdAt
      const isEnded = token.createdAt === known?.createdAt && known.revokedAt === null && token.revokedAt !== null
      if (!isNewer && !isEnded) return
      store.put(token)
      tokens.set(token.id, token)
      end(token.id)
    },
    rebind() {
      for (const token of tokens.values()) keep({ ...token, project: project() })
    },
  }
}

/** Not the default one, which is each node's own; nor an administrator's: who can write to what nodes share must not become one. */
export function isShared({ name, role }: StoredToken): boolean {
  return name !== DEFAULT_TOKEN && role !== 'admin'
}

const NO_HASH = '00'.repeat(32)

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The id in a token's text; undefined for one from before tokens had ids. */
function idOf(text: string): string | undefined {
  return /^orch_([0-9a-z]{8})_[0-9a-z]{32}$/.exec(text)?.[1]
}
