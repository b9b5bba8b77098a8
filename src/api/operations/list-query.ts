import { z } from 'zod'
import { OrchError } from '../../base/error.ts'
import { type Filter, parseFilter } from '../../model/filter.ts'
import type { RecordKind } from '../../model/kind.ts'
import type { Project } from '../../store/project.ts'

/** How a list says which records it is about, beside the filters of single fields: docs/queries.md. */
export interface QueryInput {
  readonly filter?: unknown
  readonly where?: readonly string[] | undefined
}

export const querySchemas = {
  filter: z
    .json()
    .optional()
    .describe(
      'only where all of this is so, as JSON: {"due": {"lt": "2026-12-01"}, "dependencies": {"every": {"status": "completed"}}}',
    ),
  where: z
    .array(z.string())
    .optional()
    .describe(
      'only where this is so: due<2026-12-01, labels=api,ui, title~login, assignee (there is one), !assignee (there is none)',
    ),
}

const MAX_FILTER_LENGTH = 20_000

/** The filter that an input asks for. Throws `invalid_input`, and for ids in it `record_not_found` or `ambiguous_id`. */
export function filterOf(project: Project, kind: RecordKind, { filter, where = [] }: QueryInput): Filter {
  const world = {
    kinds: project.kinds.records,
    resolve: (name: string, text: string) => project.resolve(text, project.kinds.record(name)).id,
  }
  const parts = [...(filter === undefined ? [] : [jsonOf(filter)]), ...where.map(conditionOf)]
  return parts.flatMap((part) => parseFilter(world, kind, part))
}

/** From a terminal, JSON is a text. */
function jsonOf(filter: unknown): unknown {
  if (typeof filter !== 'string') return filter
  if (filter.length > MAX_FILTER_LENGTH) {
    throw new OrchError('too_large', { what: 'The filter', size: filter.length, limit: MAX_FILTER_LENGTH })
  }
  try {
    return JSON.parse(filter)
  } catch {
    throw new OrchError('invalid_input', { field: 'filter', reason: `it is not JSON: ${filter.slice(0, 80)}` })
  }
}

const CONDITION = /^(!?)([A-Za-z_][\w.-]*)(?:\s*(!=|>=|<=|=|>|<|~)\s*(.*))?$/s
const OPERATORS: Readonly<Record<string, string>> = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte', '~': 'contains' }

/** `due<2026-12-01` as the JSON that says the same. */
function conditionOf(text: string): unknown {
  const [, not, name = '', operator, value = ''] = CONDITION.exec(text.trim()) ?? []
  if (name === '' || (not !== '' && operator !== undefined)) {
    const reason = `"${text}" is not a condition such as due<2026-12-01, labels=api, title~login or !assignee`
    throw new OrchError('invalid_input', { field: 'where', reason })
  }
  switch (operator) {
    case undefined:
      return { [name]: { missing: not === '!' } }
    case '=':
      return { [name]: value.split(',').map((one) => one.trim()) }
    case '!=':
      return { [name]: { notIn: value.split(',').map((one) => one.trim()) } }
    default:
      return { [name]: { [OPERATORS[operator] ?? 'eq']: value } }
  }
}
