import type { Clock } from '../base/clock.ts'
import { OrchError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Random } from '../model/id.ts'
import type { StoredPeer } from '../store/peer-store.ts'
import { closeCodes, explainClose, isPermanent } from './close-codes.ts'
import { isReplicaFrame } from './frames.ts'
import type { Peering } from './peering.ts'
import { pinOf } from './pin.ts'
import { createProvider } from './provider.ts'
import { createRowExchange, type RowExchange } from './row-exchange.ts'
import { isToken, protocolsFor } from './token.ts'
import type { Dial } from './wire.ts'

export type LinkState =
  | 'connecting'
  | 'linked'
  /** Lost or not reached; tried again soon. */
  | 'waiting'
  /** Turned away: somebody must change something. Tried again rarely. */
  | 'refused'

export interface LinkStatus {
  readonly name: string
  readonly url: string
  readonly state: LinkState
  /** ISO time. */
  readonly since: string
  readonly error?: string
}

export interface LinkParts {
  /** Hears that a link is in another state. */
  readonly onChange?: () => void
  readonly peering: Peering
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** A connection to one peer that comes back by itself. */
export interface Link {
  start(): void
  stop(): void
  /** Sends what was committed since. */
  poke(): void
  status(): LinkStatus
}

const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 30_000
const REFUSED_WAIT_MS = 5 * 60_000
const HELLO_TIMEOUT_MS = 20_000

export function createLink(
  peer: StoredPeer,
  { peering, dial, clock, random, log: parentLog, onChange }: LinkParts,
): Link {
  const log = parentLog.with({ peer: peer.name })
  let state: LinkState = 'connecting'
  let since = clock.now()
  let error: string | undefined
  let attempts = 0
  let linkedAt: number | undefined
  let exchange: RowExchange | undefined
  let cancelTimer: () => void = () => undefined

  const enter = (next: LinkState): void => {
    if (next === state) return
    since = clock.now()
    state = next
    onChange?.()
  }
  const connect = (): void => {
    enter('connecting')
    provider.connect()
  }
  const lost = (code: number, reason: string): void => {
    exchange?.stop()
    exchange = undefined
    cancelTimer()
    // A link that breaks as soon as it stands is not tried faster than one that never does.
    if (linkedAt !== undefined && clock.monotonic() - linkedAt > MAX_WAIT_MS) attempts = 0
    linkedAt = undefined
    error = explainClose(code, reason)
    enter(isPermanent(code) ? 'refused' : 'waiting')
    const wait = isPermanent(code)
      ? REFUSED_WAIT_MS * (1 + jitter(random))
      : Math.min(FIRST_WAIT_MS * 2 ** attempts++, MAX_WAIT_MS) * jitter(random)
    log.warn('not linked', { state, code, error })
    cancelTimer = clock.after(wait, connect)
  }
  const close = (code: number, reason: string): void => {
    lost(code, reason)
    provider.close(code, reason)
  }

  const [server, room] = splitUrl(peer.url)
  const provider = createProvider({
    server,
    room,
    protocols: protocolsFor(peer.token),
    dial,
    pin: peer.pin,
    onOpen() {
      exchange = createRowExchange({
        peering,
        side: 'dialler',
        send: provider.send,
        close,
        clock,
        log,
        onLinked(theirs) {
          linkedAt = clock.monotonic()
          error = undefined
          cancelTimer()
          enter('linked')
          log.info('linked', { replica: theirs.replica })
        },
      })
      exchange.start()
      cancelTimer = clock.after(HELLO_TIMEOUT_MS, () => close(closeCodes.tryLater, 'what answers there is not orch'))
    },
    onFrame(frame) {
      if (frame.type === 'malformed') close(closeCodes.malformed, frame.reason)
      else if (isReplicaFrame(frame)) exchange?.receive(frame)
    },
    onClose: lost,
  })

  return {
    start: connect,
    stop() {
      exchange?.stop()
      exchange = undefined
      cancelTimer()
      provider.close(closeCodes.leaving, 'the daemon is stopping')
      provider.destroy()
    },
    poke: () => exchange?.poke(),
    status: () => ({
      name: peer.name,
      url: peer.url,
      state,
      since: new Date(since).toISOString(),
      ...(error === undefined ? {} : { error }),
    }),
  }
}

/** From 0 up to 1: when a host comes back, all its peers do not return in the same moment. */
function jitter(random: Random): number {
  const [high = 0, low = 0] = random(2)
  return (high * 256 + low) / 65_536
}

/** Throws `invalid_input` unless a link to an address can be tried. */
export function checkPeer({ url, token, pin }: Pick<StoredPeer, 'url' | 'token' | 'pin'>): void {
  const refuse = (field: string, reason: string): never => {
    throw new OrchError('invalid_input', { field, reason })
  }
  const parsed = URL.canParse(url) ? new URL(url) : refuse('url', 'not a URL')
  const isRoom = /^wss?:$/.test(parsed.protocol) && /\/sync\/[^/]+$/.test(parsed.pathname)
  if (!isRoom) refuse('url', 'a peer is at ws://HOST:PORT/sync/PROJECT; its `orch status` shows the address')
  if (parsed.search !== '' || parsed.hash !== '' || parsed.username !== '')
    refuse('url', 'nothing may follow the project; the token is given apart')
  if (!isToken(token)) refuse('token', 'it has characters that no token has')
  if (pin === undefined) return
  if (pinOf(pin) !== pin) refuse('pin', 'a pin is sha256: and 64 digits of hex, as `orch cert` prints it')
  if (parsed.protocol !== 'wss:') refuse('pin', 'only a wss:// address has a certificate')
}

/** The provider takes the room apart from the rest. */
export function splitUrl(url: string): readonly [string, string] {
  const at = url.lastIndexOf('/')
  return [url.slice(0, at), url.slice(at + 1)]
}
