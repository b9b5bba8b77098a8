import { isRecordId } from '../model/id.ts'
import { renderRecord } from '../model/markdown.ts'
import type { Json } from '../model/record.ts'
import { renderState } from '../model/state-file.ts'
import type { Project } from '../store/project.ts'

/** A file as the canonical rendering of the document has it. */
export interface RenderedFile {
  /** Below the mirror directory, and at the root of a snapshot's tree. */
  readonly path: string
  readonly text: string
}

/** Renders the file that shows a record (`t-7f3k9q2m`) or a key (`state/phase`); undefined where there is none. */
export type Renderer = (key: string) => RenderedFile | undefined

export function createRenderer(project: Pick<Project, 'kinds' | 'read' | 'readKeys' | 'pathOf'>): Renderer {
  return (key) => {
    if (isRecordId(key)) {
      const kind = project.kinds.lettered(key[0])
      const record = kind && project.read(kind, key)
      if (!kind || !record || record.deletedAt !== undefined) return undefined
      return { path: project.pathOf(kind, key), text: renderRecord(kind, record) }
    }
    const kind = project.kinds.keys(key.slice(0, Math.max(0, key.indexOf('/'))))
    if (!kind) return undefined
    const values: [string, Json][] = []
    for (const [name, { value }] of project.readKeys(kind.name)) if (value !== undefined) values.push([name, value])
    return { path: kind.file, text: renderState(Object.fromEntries(values)) }
  }
}
