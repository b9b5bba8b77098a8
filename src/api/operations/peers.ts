import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { nothing, peerSchema } from './schemas.ts'

const PEER_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u

/** Links to other replicas. */
export const peerOperations: readonly Operation[] = [
  defineOperation<{ name: string; url: string; token: string; pin?: string | undefined }, unknown>({
    name: 'peer.add',
    effect: 'write',
    role: 'admin',
    help: 'Links this replica with another one, now and after every start.',
    input: z.strictObject({
      name: z.string().describe('what to call it here'),
      url: z
        .string()
        .describe('its websocket address, as its `orch status` shows it: ws://127.0.0.1:4777/sync/project'),
      token: z.string().describe('its token, as its `orch token show` prints it'),
      pin: z
        .string()
        .optional()
        .describe('the one certificate that it may show, as its `orch cert` prints it: sha256:9f2c...'),
    }),
    output: peerSchema,
    cli: {
      command: 'peer add',
      positionals: ['name', 'url'],
      view: { type: 'message', text: 'Added {name}: {state}' },
      examples: [
        'orch peer add laptop ws://127.0.0.1:4777/sync/shop --token 6d1e',
        'orch peer add office wss://10.0.0.5:4777/sync/shop --token 6d1e --pin sha256:9f2c',
      ],
    },
    async run({ parts }, peer) {
      if (!PEER_NAME.test(peer.name)) {
        throw new OrchError('invalid_input', { field: 'name', reason: 'use up to 64 letters, digits and ._-' })
      }
      if (!isWebSocketUrl(peer.url)) {
        throw new OrchError('invalid_input', { field: 'url', reason: 'it is not a ws:// or wss:// address' })
      }
      if (parts.peers.list().some(({ name }) => name === peer.name)) {
        throw new OrchError('already_exists', { what: `The peer "${peer.name}"` })
      }
      await parts.peers.add(peer)
      const added = parts.peers.list().find(({ name }) => name === peer.name)
      if (!added) throw new OrchError('peer_not_found', { name: peer.name })
      return added
    },
  }),
  defineOperation<object, unknown>({
    name: 'peer.list',
    effect: 'read',
    role: 'reader',
    help: 'Lists the replicas this one links with.',
    input: nothing,
    output: z.object({ items: z.array(peerSchema).describe('the peers') }),
    cli: {
      command: 'peer list',
      positionals: [],
      view: {
        type: 'table',
        rows: 'items',
        columns: [
          { key: 'name', head: 'name', style: 'id' },
          { key: 'state', head: 'state', style: 'status' },
          { key: 'since', head: 'since', style: 'time' },
          { key: 'url', head: 'address' },
          { key: 'error', head: 'why', style: 'dim' },
        ],
        empty: 'There are no peers.',
      },
      examples: ['orch peer list'],
    },
    run: ({ parts }) => ({ items: parts.peers.list() }),
  }),
  defineOperation<{ name: string }, unknown>({
    name: 'peer.remove',
    effect: 'write',
    role: 'admin',
    help: 'Ends the link with a replica. What both have stays with both.',
    input: z.strictObject({ name: z.string().describe('what it is called here') }),
    output: z.object({ name: z.string().describe('the peer that is no longer linked') }),
    cli: {
      command: 'peer remove',
      positionals: ['name'],
      view: { type: 'message', text: 'Removed {name}' },
      examples: ['orch peer remove laptop'],
    },
    async run({ parts }, { name }) {
      if (!parts.peers.list().some((peer) => peer.name === name)) throw new OrchError('peer_not_found', { name })
      await parts.peers.remove(name)
      return { name }
    },
  }),
]

function isWebSocketUrl(text: string): boolean {
  return URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)
}
