import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import type { Operation } from '../operation.ts'
import { defineOperation } from './define.ts'
import { nothing, remoteSchema } from './schemas.ts'

const REMOTE_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}._/-]{0,99}$/u

const found = z.object({
  remote: remoteSchema.nullable().describe('the remote, or null when there is none'),
  message: z.string().describe('how it is'),
})

/** The git remote that the history branch is synced with. */
export const remoteOperations: readonly Operation[] = [
  defineOperation<{ name: string }, unknown>({
    name: 'remote.set',
    effect: 'write',
    role: 'admin',
    help: 'Syncs the history branch with a git remote from now on: what others pushed there comes here, and what is here goes there.',
    input: z.strictObject({ name: z.string().describe('the remote, as `git remote` lists it') }),
    output: found,
    cli: {
      command: 'remote set',
      positionals: ['name'],
      view: { type: 'text', field: 'message' },
      examples: ['orch remote set origin'],
    },
    async run({ parts }, { name }) {
      if (!REMOTE_NAME.test(name))
        throw new OrchError('invalid_input', { field: 'name', reason: 'it is not the name of a remote' })
      await parts.remote.set(name)
      return shown(parts.remote.state())
    },
  }),
  defineOperation<object, unknown>({
    name: 'remote.unset',
    effect: 'write',
    role: 'admin',
    help: 'Does not sync with a git remote any more. What both have stays with both.',
    input: nothing,
    output: found,
    cli: {
      command: 'remote unset',
      positionals: [],
      view: { type: 'text', field: 'message' },
      examples: ['orch remote unset'],
    },
    async run({ parts }) {
      await parts.remote.set(undefined)
      return shown(parts.remote.state())
    },
  }),
  defineOperation<object, unknown>({
    name: 'remote.show',
    effect: 'read',
    role: 'reader',
    help: 'Shows the git remote that the history branch is synced with, and how that goes.',
    input: nothing,
    output: found,
    cli: {
      command: 'remote show',
      positionals: [],
      view: { type: 'text', field: 'message' },
      examples: ['orch remote show'],
    },
    run: ({ parts }) => shown(parts.remote.state()),
  }),
]

function shown(remote: z.infer<typeof remoteSchema> | undefined): z.infer<typeof found> {
  return { remote: remote ?? null, message: sentence(remote) }
}

function sentence(remote: z.infer<typeof remoteSchema> | undefined): string {
  if (!remote) return 'There is no git remote: the history stays here. `orch remote set origin` syncs it with one.'
  const { name, state, since, error = '' } = remote
  if (state === 'failed') return `${name}: ${error}${since === '' ? '' : ` Last synced ${since}.`}`
  return state === 'synced' ? `${name}: synced ${since}.` : `${name}: will be synced soon.`
}
