import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { OrchError } from '../../base/error.ts'
import type { Principal } from '../../model/principal.ts'

/** Answers requests that are through the front: from an allowed page, of a bearable size, by somebody known. */
export type FetchHandler = (request: Request, principal: Principal) => Response | Promise<Response>

/** Something that is served over HTTP: `/api`, this path and everything below it. Loaded at the first request. */
export type Mount =
  | {
      readonly path: string
      /** `stopping` is aborted when the daemon stops: answers without an end then end. */
      readonly load: (stopping: AbortSignal) => Promise<FetchHandler>
      readonly isPublic?: undefined
    }
  | {
      readonly path: string
      /** For files and pages that hold nothing of the project: whoever is on an allowed page may have them. */
      readonly isPublic: true
      readonly load: () => Promise<(request: Request) => Response | Promise<Response>>
    }

/** A connection that asks to speak something else than HTTP, with who asks. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly url: URL
  /** Who it is; or why it is nobody, to be told in the protocol asked for: a browser shows no page the HTTP status of an upgrade. */
  readonly who: Principal | OrchError
}

/** Something that is served over upgraded connections. */
export interface UpgradeMount {
  match(url: URL): boolean
  upgrade(upgrade: Upgrade): void
  /** Tells the connections that the daemon stops. */
  stop(): void
}
