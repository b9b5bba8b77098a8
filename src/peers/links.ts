import { OrchError } from '../base/error.ts'
import type { Service } from '../base/service.ts'
import type { PeerStore, StoredPeer } from '../store/peer-store.ts'
import { checkPeer, createLink, type Link, type LinkParts, type LinkStatus } from './link.ts'
import { pinOf } from './pin.ts'

/** The links to all configured peers. */
export interface Links extends Service {
  /** Remembers a peer and links to it, once started. Throws `invalid_input`, `already_exists`. */
  add(peer: StoredPeer): void
  /** Ends the link and forgets the peer. Throws `peer_not_found`. */
  remove(name: string): void
  list(): readonly LinkStatus[]
}

export function createLinks({ store, ...parts }: LinkParts & { readonly store: PeerStore }): Links {
  const links = new Map<string, Link>()
  let unsubscribe: (() => void) | undefined

  const begin = (peer: StoredPeer): void => {
    const link = createLink(peer, parts)
    links.set(peer.name, link)
    link.start()
  }
  const known = (name: string): boolean => links.has(name) || store.all().some((peer) => peer.name === name)

  return {
    name: 'links',
    async start() {
      unsubscribe = parts.peering.project.onCommit(() => {
        for (const link of links.values()) link.poke()
      })
      for (const peer of store.all()) if (!links.has(peer.name)) begin(peer)
    },
    async stop() {
      unsubscribe?.()
      unsubscribe = undefined
      for (const link of links.values()) link.stop()
      links.clear()
    },
    add(given) {
      const peer = { ...given, ...(given.pin !== undefined && { pin: pinOf(given.pin) ?? given.pin }) }
      if (!/^[\w.-]{1,64}$/.test(peer.name)) {
        throw new OrchError('invalid_input', { field: 'name', reason: 'a name is 1 to 64 letters, digits and ._-' })
      }
      checkPeer(peer)
      if (known(peer.name)) throw new OrchError('already_exists', { what: `the peer "${peer.name}"` })
      store.put(peer)
      if (unsubscribe) begin(peer)
    },
    remove(name) {
      if (!known(name)) throw new OrchError('peer_not_found', { name })
      store.remove(name)
      links.get(name)?.stop()
      links.delete(name)
    },
    list: () => [...links.values()].map((link) => link.status()),
  }
}
