import { reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { isLogDoc } from '../model/log.ts'
import type { Principal } from '../model/principal.ts'
import type { Project, RoomDocument } from '../store/project.ts'
import { closeCodes } from './close-codes.ts'
import type { Room } from './room.ts'
import type { Wire } from './wire.ts'

export interface LogRoomsParts {
  readonly project: Pick<Project, 'openLog' | 'logCount'>
  /** Makes a room around a document; it says when the last one has left. */
  readonly makeRoom: (document: RoomDocument, onEmpty: () => void) => Room
  readonly log: Logger
}

/** The rooms of the months of the work log: each is there, with its document in memory, while somebody is in it. */
export interface LogRooms {
  join(doc: string, wire: Wire, principal: Principal): void
  stop(): void
}

/** Each holds a whole month in memory. */
const MAX_ROOMS = 12

export function createLogRooms({ project, makeRoom, log }: LogRoomsParts): LogRooms {
  const rooms = new Map<string, Promise<{ readonly room: Room; readonly document: RoomDocument }>>()

  const open = async (doc: string) => {
    const document = await project.openLog(doc)
    const room = makeRoom(document, () => {
      rooms.delete(doc)
      room.stop()
      document.close()
    })
    return { room, document }
  }

  return {
    join(doc, wire, principal) {
      if (!isLogDoc(doc)) return wire.close(closeCodes.unknownRoom, 'unknown room')
      const opened = rooms.get(doc)
      if (!opened && rooms.size >= MAX_ROOMS) return wire.close(closeCodes.tryLater, 'too many rooms are open')
      const opening = opened ?? open(doc)
      rooms.set(doc, opening)
      opening.then(
        ({ room }) => room.join(wire, principal),
        (error: unknown) => {
          rooms.delete(doc)
          log.error('a month of the work log could not be opened', { doc, reason: reasonOf(error) })
          wire.close(closeCodes.failed, 'the month could not be opened')
        },
      )
    },
    stop() {
      for (const opening of rooms.values()) {
        opening.then(
          ({ room, document }) => {
            room.stop()
            document.close()
          },
          () => undefined,
        )
      }
      rooms.clear()
    },
  }
}
