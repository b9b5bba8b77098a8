import { nextTurn } from '../base/turns.ts'
import { createLogDoc } from '../doc/log-update.ts'
import type { Journal } from './journal.ts'
import { updatesBetween } from './journal.ts'
import type { Commit, RoomDocument } from './project.ts'

export interface LogRoomParts {
  readonly name: string
  readonly journal: Journal
  readonly onCommit: (listen: (commit: Commit) => void) => () => void
  readonly applyUpdate: RoomDocument['applyUpdate']
}

/** Rows that are applied in one turn of the event loop: about 1 ms, more where the machine is busy. */
const ROWS_PER_TURN = 25

/**
 * Loads the whole document of a month from its rows, for clients that speak Yjs: nobody else needs it. Slowly, so that
 * others have their turns; then it follows what is committed.
 */
export async function openLogRoom({ name, journal, onCommit, applyUpdate }: LogRoomParts): Promise<RoomDocument> {
  const doc = createLogDoc()
  // A row that comes while the others are read is applied twice at most, which changes nothing.
  const unsubscribe = onCommit(({ rows }) => {
    for (const row of rows) if (row.doc === name) doc.apply(row.update)
  })
  try {
    let read = 0
    for (const update of updatesBetween(journal, 0, Number.POSITIVE_INFINITY, name)) {
      doc.apply(update)
      if (++read % ROWS_PER_TURN === 0) await nextTurn()
    }
  } catch (error) {
    unsubscribe()
    throw error
  }
  return {
    name,
    applyUpdate,
    adds: doc.adds,
    encodeState: doc.encodeState,
    encodeStateVector: doc.encodeStateVector,
    close() {
      unsubscribe()
      doc.destroy()
    },
  }
}
