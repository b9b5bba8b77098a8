import { sha256 } from '../base/hash.ts'
import { type Random, type RecordId, randomText } from '../model/id.ts'
import type { KeyedKind, RecordKind } from '../model/kind.ts'
import { encodeFile, type FileStyle, renderRecord, sameText } from '../model/markdown.ts'
import type { Json } from '../model/record.ts'
import { renderState } from '../model/state-file.ts'
import type { Intent, MirrorBases } from '../store/mirror-bases.ts'
import type { Project } from '../store/project.ts'
import { boardText } from './board.ts'
import { BOARD, BOARD_REF, type Ref } from './places.ts'

const STYLE: FileStyle = { bom: false, eol: 'lf' }

/**
 * Says what has to be done for one record or keyed kind, by the document and the bases: nothing, or one step; the next one
 * follows when that is done.
 */
export function createWritePlan({
  project,
  bases,
  random,
}: {
  readonly project: Project
  readonly bases: Pick<MirrorBases, 'get' | 'pathsOf' | 'lastStyle'>
  readonly random: Random
}): (ref: Ref) => Intent | undefined {
  const planRecord = (kind: RecordKind, id: RecordId): Intent | undefined => {
    const record = project.read(kind, id)
    const living = record && record.deletedAt === undefined ? record : undefined
    const path = living && project.pathOf(kind, id)
    const write = living && path !== undefined ? planWrite(path, kind.name, id, renderRecord(kind, living)) : undefined
    if (write) return write
    const left = bases.pathsOf(kind.name, id).filter((one) => one !== path)
    return left.map(planRemoval).find((intent) => intent !== undefined)
  }

  const planWrite = (path: string, kind: string, id: string, text: string): Intent | undefined => {
    const base = bases.get(path)
    const isTaken = base && (base.kind !== kind || base.id !== id)
    if (isTaken || base?.problem || (base && sameText(base.text, text))) return undefined
    const style = base ? base.style : (bases.lastStyle(path) ?? STYLE)
    const to = sha256(encodeFile(text, style))
    return { name: newName(), path, kind, id, from: base?.hash, to, fromText: base?.text ?? '', toText: text, style }
  }

  const planRemoval = (path: string): Intent | undefined => {
    const base = bases.get(path)
    if (!base || base.problem) return undefined
    const { kind, id, hash, text, style } = base
    return { name: newName(), path, kind, id, from: hash, to: undefined, fromText: text, toText: '', style }
  }

  const newName = (): string => randomText(random, 16)
  const valuesOf = (kind: KeyedKind): Readonly<Record<string, Json>> =>
    Object.fromEntries(
      [...project.readKeys(kind.name)].flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value]])),
    )

  return ({ kind, id }) => {
    if (kind === BOARD_REF.kind) return planWrite(BOARD, kind, '', boardText(project))
    const keyed = project.kinds.keys(kind)
    if (keyed) return planWrite(keyed.file, kind, '', renderState(valuesOf(keyed)))
    const records = project.kinds.record(kind)
    // Of a kind that is not declared any more.
    return records && planRecord(records, id as RecordId)
  }
}
