import type { FrontMatter } from '../../src/model/front-matter.ts'
import type { RecordId } from '../../src/model/id.ts'
import type { RecordKind } from '../../src/model/kind.ts'
import type { RecordView } from '../../src/model/record.ts'

type Parts = Partial<Pick<FrontMatter, 'id' | 'values' | 'extra' | 'skeleton'>>

/** The record that a parsed file is about. */
export function viewOf(kind: RecordKind, { id, values = {}, extra = {}, skeleton = '' }: Parts): RecordView {
  return {
    id: (id ?? `${kind.letter}-00000000`) as RecordId,
    kind: kind.name,
    values,
    extra,
    front: skeleton,
    file: 'x.md',
    issues: [],
  }
}
