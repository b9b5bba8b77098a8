import type { Clock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import { NOTICE_MS } from '../model/attention.ts'
import type { Base, MirrorBases, Version } from '../store/mirror-bases.ts'
import { frontOf } from './compare.ts'
import type { Ref } from './places.ts'
import type { Notices } from './problem.ts'
import type { Saved } from './saved.ts'
import { type Comparison, chooseBase, STALE_MS, UNREAD_MS } from './stale.ts'
import { acceptable } from './ways.ts'

export interface SaveBaseParts {
  readonly bases: MirrorBases
  readonly clock: Clock
  readonly notices: Notices
}

/** How the texts of a file are compared, where they are not compared as they are. */
export interface SaveComparison extends Comparison {
  /** A text of ours as it stood in the file. */
  readonly asInFile?: (text: string) => string
  /** Whether a text of ours can be what the save was made from. */
  readonly canBe?: (ours: string, saved: string) => boolean
  /** Whether the save can be taken as it was after all. */
  readonly isAcceptable?: boolean
}

/** The text a save was made from, and what is to be noted of it in the transaction that takes the save in. */
export interface FoundBase {
  readonly text: string
  /** Texts that stood in the file after that one: what the save shows of them may be from there. */
  readonly later: readonly string[]
  readonly also: () => void
}

/** Finds the text a save was made from; tells when that is not the base [M6]. */
export interface SaveBase {
  of(
    ref: Ref,
    base: Pick<Base, 'path' | 'text'>,
    saved: Pick<Saved, 'text' | 'ageMs'>,
    versions?: readonly Version[],
    how?: SaveComparison,
  ): FoundBase
  /** Texts replaced at a path so shortly before it was saved that somebody may still have had them open. */
  recent(path: string, ageMs: number): readonly Version[]
}

export function createSaveBase({ bases, clock, notices }: SaveBaseParts): SaveBase {
  // Whoever had the file open when it was replaced has the old text for as long as they like.
  const recent = (path: string, ageMs: number): readonly Version[] =>
    bases.versions(path, Math.min(clock.now() - ageMs - STALE_MS, bases.openSince(path) ?? Number.POSITIVE_INFINITY))
  return {
    recent,
    of({ kind, id }, { path, text: base }, { text, ageMs }, versions = recent(path, ageMs), how = {}) {
      const { asInFile = (same) => same, canBe = () => true, isAcceptable = true } = how
      const candidates = versions
        .map((one) => ({ ...one, text: asInFile(one.text), next: asInFile(one.next), whole: one.text }))
        .filter((one) => canBe(one.text, text))
      const choice = chooseBase(
        text,
        asInFile(base),
        candidates,
        how.distance ? undefined : clock.now() - ageMs - UNREAD_MS,
        how,
      )
      const closed = (): void => {
        if (bases.openSince(path) !== undefined) bases.noteOpen(path, undefined)
      }
      if (!choice.stale) return { text: base, later: [], also: closed }
      const from = candidates.find((one) => one.text === choice.text)?.whole ?? choice.text
      const item = { kind: 'stale_save', where: path, key: 'stale' } as const
      const hash = choice.stale === 'edited' ? undefined : sha256(text)
      // The second time it is obeyed, also when orch was started anew in between.
      if (hash !== undefined && bases.asked(path) === hash) {
        return {
          text: base,
          later: [],
          also() {
            closed()
            bases.ask(path, undefined)
            notices.over(item)
          },
        }
      }
      return {
        text: from,
        later: laterThan(choice.text, base, candidates),
        also() {
          closed()
          if (hash !== undefined) bases.ask(path, hash)
          notices.happened({
            ...item,
            ...(id !== '' && { record: id }),
            what: 'was saved from an older text; what was added since is kept',
            why: 'An editor, or an agent, that had read the file before others changed it saved what it had.',
            fix: `Look at it. If you meant to take that out, take it out again${isAcceptable ? ', or accept the save as it was' : ''}.`,
            ...(isAcceptable && acceptable({ kind, id, base, from, saved: text })),
            forMs: NOTICE_MS,
          })
        },
      }
    },
  }
}

/** The texts that came after the one with this front matter. */
function laterThan(text: string, base: string, versions: readonly Version[]): readonly string[] {
  const isFrom = (one: string): boolean => frontOf(one) === frontOf(text)
  if (isFrom(base)) return []
  const from = versions.findIndex((version) => isFrom(version.text))
  return from < 0 ? [] : [base, ...versions.slice(0, from).map((version) => version.text)]
}
