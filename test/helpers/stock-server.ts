import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthenticate } from '../../src/api/access/authenticate.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { task } from '../../src/model/kinds/task.ts'
import { createAccept } from '../../src/peers/accept.ts'
import { createConduct } from '../../src/peers/conduct.ts'
import { createPeering } from '../../src/peers/peering.ts'
import { createRoom } from '../../src/peers/room.ts'
import { closeWhole, openDatabase } from '../../src/store/database.ts'
import { withFaults } from '../memory/database.ts'
import { startFront } from './front.ts'
import { createTestProject, type TestProject } from './project.ts'
import { createTestTokens } from './tokens.ts'

/** A room on a database file, which can be stopped, and started again on the same port. What it needs undone goes into `undo`. */
export async function createStockServer(undo: (() => unknown)[]) {
  const dir = mkdtempSync(join(tmpdir(), 'orch-stock-'))
  undo.push(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'orch.db')
  let port = 0
  let inode = 1
  const generations = new Map<string, number>()
  const start = async () => {
    const db = openDatabase(file)
    const held: TestProject = createTestProject({
      database: withFaults(db),
      clock: systemClock,
      name: 'p1',
      seed: inode,
      inode: String(inode),
      generations,
    })
    const { project } = held
    const log = silentLogger
    const { tokens } = createTestTokens(held, { project: () => project.id })
    const peering = createPeering({
      project,
      instance: `n-${inode}`,
      pristine: () => false,
      adopt: () => undefined,
      onTwin: () => undefined,
      log,
    })
    const conduct = createConduct(systemClock)
    const room = createRoom({ peering, clock: systemClock, log, conduct })
    const accept = createAccept({
      room,
      logRooms: { join: () => undefined, stop: () => undefined },
      clock: systemClock,
      log,
    })
    const { front, port: got } = await startFront({
      listen: { host: '127.0.0.1', port },
      upgrades: [accept],
      authenticate: createAuthenticate({ tokens, clock: systemClock, onFailure: () => undefined }),
    })
    port = got
    let isStopped = false
    const stop = async () => {
      if (isStopped) return
      isStopped = true
      await front.stop()
      await project.idle()
      closeWhole(db)
    }
    undo.push(stop)
    const bodyOf = (id: string) => String(project.read(task, id as never)?.values.body)
    return { project, tokens, conduct, room, stop, bodyOf }
  }
  const running = await start()
  const tokenOf = (name: string): string =>
    running.tokens.create({ name, role: 'writer', actor: { name, type: 'person' } }, 'alice').token
  return {
    ...running,
    token: tokenOf('bob'),
    tokenOf,
    url: `ws://127.0.0.1:${port}/sync`,
    start,
    backup: () => copyFileSync(file, join(dir, 'backup.db')),
    restore() {
      copyFileSync(join(dir, 'backup.db'), file)
      inode++
    },
  }
}
