import { createAuthenticate } from '../../src/api/access/authenticate.ts'
import type { Tokens, TokenWish } from '../../src/api/access/tokens.ts'
import { createDoor, type Door } from '../../src/api/door.ts'
import { createApi } from '../../src/api/http/api.ts'
import type { Mount } from '../../src/api/http/mount.ts'
import type { Operation } from '../../src/api/operation.ts'
import { operationsOf } from '../../src/api/operations.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createAccept } from '../../src/peers/accept.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRoom, type Room } from '../../src/peers/room.ts'
import { createCaller } from '../api/operations-caller.ts'
import { startFront, type TestFront } from './front.ts'
import { createTestProject, type TestProject } from './project.ts'
import { createTestTokens } from './tokens.ts'

/** The parts of a daemon that somebody from outside can reach, on real sockets and a project in memory. */
export interface DaemonInMemory extends TestProject {
  readonly door: Door
  readonly operations: readonly Operation[]
  readonly tokens: Tokens
  readonly room: Room
  readonly front: TestFront
  /** Makes a token and returns its text. */
  token(wish: Partial<TokenWish> & Pick<TokenWish, 'role'>): string
  /** A token that is valid, but for another project. */
  readonly stranger: string
  stop(): Promise<void>
}

export async function startDaemonInMemory(
  mounts: (door: Door) => readonly Mount[] = () => [],
): Promise<DaemonInMemory> {
  const test = createTestProject({ clock: systemClock })
  const { project } = test
  let id = project.id
  const { tokens } = createTestTokens(test, { project: () => id })
  const operations = operationsOf(project.kinds)
  const { parts } = createCaller()
  const door = createDoor({
    operations,
    contextOf: ({ actor, session }, call) => ({ project, actor, session, clock: systemClock, parts, ...call }),
    ready: Promise.resolve(),
    monotonic: () => 0,
    note: () => undefined,
    log: silentLogger,
  })
  const peering = createPeering({
    project,
    instance: 'n-1',
    pristine: () => project.rowCount() === 0,
    adopt: (other) => project.adopt(other),
    onTwin: () => undefined,
    log: silentLogger,
  })
  const room = createRoom({ peering, clock: systemClock, log: silentLogger })
  const logRooms = { join: () => undefined, stop: () => undefined }
  // A minute passes between two attempts: a table of refusals is no guessing.
  let at = 0
  const unhurried = { ...systemClock, monotonic: () => (at += 60_000) }
  const front = await startFront({
    authenticate: createAuthenticate({ tokens, clock: unhurried, onFailure: () => undefined }),
    mounts: [
      {
        path: '/api',
        load: async (stopping) => createApi({ door, project, clock: systemClock, version: '1', stopping }),
      },
      ...mounts(door),
    ],
    upgrades: [createAccept({ room, logRooms, clock: systemClock, log: silentLogger })],
  })
  let made = 0
  const token: DaemonInMemory['token'] = (wish) => {
    const name = `${wish.role}-${++made}`
    return tokens.create({ name, actor: { name, type: 'agent' }, ...wish }, 'ada').token
  }
  // One of another project: it was made while this replica held that.
  id = 'another'
  const stranger = token({ role: 'admin', name: 'stranger' })
  id = project.id
  return { ...test, stranger, door, operations, tokens, room, front, token, stop: () => front.front.stop() }
}
