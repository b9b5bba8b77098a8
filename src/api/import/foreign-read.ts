import { OrchError, reasonOf } from '../../base/error.ts'
import { shortHash } from '../../base/hash.ts'
import { nextTurn } from '../../base/turns.ts'
import { MAX_PROSE_LENGTH } from '../../model/field.ts'
import { isGithubIssue, toTask as toGithubTask } from '../../model/import/github.ts'
import type { ImportedRecord } from '../../model/import/imported.ts'
import { tagsOf, toTasks } from '../../model/import/task-master.ts'
import type { RecordKind } from '../../model/kind.ts'
import { decodeFile } from '../../model/markdown.ts'
import type { Json } from '../../model/record.ts'
import { MAX_FRONT_MATTER } from '../../model/yaml-guard.ts'
import type { Folder } from './folder.ts'
import type { ReadRecord } from './identify.ts'
import { splitJson } from './json-items.ts'
import { parseInTurns, STEP_BYTES } from './json-steps.ts'
import type { Draft } from './report.ts'

/** One file to read, and what the caller called it, for errors. */
export interface Source {
  readonly folder: Folder
  readonly path: string
  readonly name: string
}

type Read = ImportedRecord | { readonly name: string; readonly reason: string }

/** Every item of a JSON file, one after the other. Rejects with `import_failed`. */
export async function* readJson({ folder, path, name }: Source): AsyncGenerator<Json> {
  let number = 0
  try {
    for await (const bytes of splitJson(folder.streamFile(path))) {
      number++
      yield bytes.length > STEP_BYTES ? await parseLarge(bytes, number) : parseSmall(bytes, number)
      if (number % 20 === 0) await nextTurn()
    }
  } catch (error) {
    if (error instanceof OrchError) throw error
    throw new OrchError('import_failed', { path: name, reason: reasonOf(error) }, error)
  }
}

function parseSmall(bytes: Uint8Array, number: number): Json {
  const decoded = decodeFile(bytes)
  if (!decoded.ok) throw new Error(`item ${number}: it ${decoded.reason}`)
  try {
    return JSON.parse(decoded.text) as Json
  } catch (error) {
    throw new Error(`item ${number} is no JSON: ${reasonOf(error)}`, { cause: error })
  }
}

async function parseLarge(bytes: Uint8Array, number: number): Promise<Json> {
  try {
    return await parseInTurns(bytes)
  } catch (error) {
    throw new Error(`item ${number} is no JSON: ${reasonOf(error)}`, { cause: error })
  }
}

/** Whether a file looks like one of Task Master, or like issues of GitHub: by its first item. */
export async function sniffJson(source: Source): Promise<'taskmaster' | 'github' | 'json' | 'beads' | 'orch'> {
  for await (const value of readJson(source)) {
    if (tagsOf(value)) return 'taskmaster'
    if (isGithubIssue(value)) return 'github'
    const item =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Readonly<Record<string, Json>>)
        : {}
    if (item.orch === 'export') return 'orch'
    if ('id' in item && 'title' in item && 'issue_type' in item) return 'beads'
    return 'json'
  }
  return 'json'
}

export async function* readTaskMaster(kind: RecordKind, source: Source, draft: Draft): AsyncGenerator<ReadRecord> {
  let isOne = false
  for await (const value of readJson(source)) {
    const tags = tagsOf(value)
    if (!tags)
      throw new OrchError('import_failed', {
        path: source.name,
        reason: 'it holds no tasks as Task Master writes them',
      })
    isOne = true
    for (const [tag, { tasks, ...rest }] of tags) {
      for (const task of tasks as readonly Json[]) {
        yield* taken('TaskMaster', toTasks(kind, tag, task), draft)
        await nextTurn()
      }
      for (const [key, member] of Object.entries((rest.metadata ?? {}) as Readonly<Record<string, Json>>)) {
        if (member !== '' && member !== null && typeof member !== 'object') notKept(draft, `${tag}: metadata.${key}`)
      }
    }
  }
  if (!isOne) throw new OrchError('import_failed', { path: source.name, reason: 'it is empty' })
}

export function notKept(draft: Draft, key: string): void {
  draft.notKept[key] = (draft.notKept[key] ?? 0) + 1
}

export async function* readGithub(source: Source, draft: Draft): AsyncGenerator<ReadRecord> {
  let count = 0
  for await (const value of readJson(source)) {
    count++
    yield* taken('GitHub', [toGithubTask(value)], draft)
  }
  if (count === 0) throw new OrchError('import_failed', { path: source.name, reason: 'it holds no issues' })
}

const RECORDS_PER_TURN = 20

/** What was read with the hash of all that it says; what was not is reported. */
export async function* taken(tool: ReadRecord['tool'], read: Iterable<Read>, draft: Draft): AsyncGenerator<ReadRecord> {
  let count = 0
  for (const record of read) {
    if (++count % RECORDS_PER_TURN === 0) await nextTurn()
    if ('reason' in record) {
      draft.skipped.push({ file: record.name, reason: record.reason })
      continue
    }
    const size = JSON.stringify([record.values.labels, record.extra]).length
    const body = String(record.values.body ?? '').length
    if (size > MAX_FRONT_MATTER / 2) {
      const reason = `it has ${size} characters beside its texts; the limit is ${MAX_FRONT_MATTER / 2}`
      draft.skipped.push({ file: record.alias ?? tool, reason })
    } else if (body > MAX_PROSE_LENGTH) {
      draft.skipped.push({
        file: record.alias ?? tool,
        reason: `its text is ${body} characters; the limit is ${MAX_PROSE_LENGTH}`,
      })
    } else {
      const { notKept: lost = [], ...said } = record
      for (const key of lost) notKept(draft, key)
      yield { tool, path: record.alias ?? record.file ?? 'an item', record, hash: shortHash(JSON.stringify(said)) }
    }
  }
}
