import { reasonOf } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { createQueue } from '../base/queue.ts'
import type { Project } from '../store/project.ts'
import type { Asks } from './asks.ts'
import { closeCodes } from './close-codes.ts'
import type { Hello } from './frames.ts'

/** What peers need of the project's door. */
export type PeerProject = Pick<
  Project,
  | 'id'
  | 'name'
  | 'replica'
  | 'have'
  | 'adds'
  | 'rowsSince'
  | 'applyRows'
  | 'applyUpdate'
  | 'encodeState'
  | 'encodeStateVector'
  | 'writerOf'
  | 'onCommit'
>

export interface PeeringParts {
  /** Its `id`, `name` and `replica` may change while it is in use: they are read anew each time. */
  readonly project: PeerProject
  /** Random text made at each start of the daemon. */
  readonly instance: string
  /** Whether the project has no row. */
  readonly pristine: () => boolean
  /** Takes the id and the name of the project of a peer; when it resolves, `project` answers with them. */
  readonly adopt: (project: { readonly id: string; readonly name: string }) => void | Promise<void>
  /** Hears that this database is a copy of the peer's, or an older state of itself: the replica needs a new id. */
  readonly onTwin: (reason: 'copied' | 'restored') => void
  /** Whether a project has joined this one: by its id, or by its name as it stands in addresses. */
  readonly hasMoved?: (project: string) => boolean
  /** Questions that go over the links beside the rows; without it, none is asked or answered. */
  readonly asks?: Asks
  readonly log: Logger
}

/** Which side of a connection this is: the one that opened it, or the one that took it in. */
export type Side = 'dialler' | 'host'

export type Verdict =
  | { readonly type: 'go' }
  | { readonly type: 'refuse'; readonly code: number; readonly reason: string }

/** How this replica meets others; one for all its rooms and links. */
export interface Peering {
  readonly project: PeerProject
  readonly asks: Asks | undefined
  hello(): Hello
  /** What to tell who asks for a project that has joined this one; undefined for all others. */
  moved(project: string): string | undefined
  /** Decides about a peer by its hello; joins its project where this one is pristine. One meeting at a time. */
  meet(theirs: Hello, side: Side): Promise<Verdict>
}

export function createPeering(parts: PeeringParts): Peering {
  const { project, instance, pristine, adopt, onTwin, hasMoved = () => false, log } = parts
  const meetings = createQueue()
  /** Whether a project was joined in this run: until its first rows are here, a second one must not be. */
  let joined = false
  const hello = (): Hello => ({
    project: { id: project.id, name: project.name },
    replica: project.replica,
    instance,
    pristine: !joined && pristine(),
    have: project.have(),
  })

  // The reason of a close frame has 123 bytes.
  const moved = (name: string): string | undefined =>
    hasMoved(name)
      ? `this project has moved into "${project.name}" (${project.id}): see \`orch join --help\``
      : undefined

  const settle = async (theirs: Hello, side: Side): Promise<Verdict> => {
    const verdict = judge(hello(), theirs, side, moved)
    switch (verdict.type) {
      case 'adopt':
        try {
          await adopt(theirs.project)
          joined = true
        } catch (error) {
          log.error('joining the project of a peer failed', { project: theirs.project.id, error })
          return { type: 'refuse', code: closeCodes.tryLater, reason: `could not join: ${reasonOf(error)}` }
        }
        log.info('joined the project of a peer', { project: theirs.project.id, name: theirs.project.name })
        return { type: 'go' }
      case 'twin':
        onTwin(verdict.why)
        return { type: 'refuse', code: verdict.code, reason: verdict.reason }
      default:
        return verdict
    }
  }

  return { project, asks: parts.asks, hello, moved, meet: (theirs, side) => meetings.add(() => settle(theirs, side)) }
}

type Judgement =
  | Verdict
  | { readonly type: 'adopt' }
  | { readonly type: 'twin'; readonly why: 'copied' | 'restored'; readonly code: number; readonly reason: string }

/** What two hellos mean for each other. Both sides come to matching answers by themselves. */
export function judge(
  ours: Hello,
  theirs: Hello,
  side: Side,
  moved: (project: string) => string | undefined = () => undefined,
): Judgement {
  if (theirs.instance === ours.instance) {
    return { type: 'refuse', code: closeCodes.twin, reason: 'this is the address of the same daemon' }
  }
  if (theirs.replica === ours.replica) {
    const reason = 'both databases have the same replica id: one is a copy of the other'
    return { type: 'twin', why: 'copied', code: closeCodes.twin, reason }
  }
  if ((theirs.have[ours.replica] ?? 0) > (ours.have[ours.replica] ?? 0)) {
    // To be tried again: the replica gets a new id and takes what it lost from the peer.
    const reason = 'the peer has rows of this replica that are not here any more'
    return { type: 'twin', why: 'restored', code: closeCodes.tryLater, reason }
  }
  if (theirs.project.id === ours.project.id) return { type: 'go' }
  if (ours.pristine && (side === 'dialler' || !theirs.pristine)) return { type: 'adopt' }
  if (theirs.pristine) return { type: 'go' }
  const gone = moved(theirs.project.id)
  if (gone !== undefined) return { type: 'refuse', code: closeCodes.moved, reason: gone }
  const [mine, other] = [ours, theirs].map(({ project }) => `"${project.name}" (${project.id})`)
  const reason = `two different projects that were started apart: ${mine} and ${other}; \`orch join\` brings one into the other`
  return { type: 'refuse', code: closeCodes.differentProject, reason }
}
