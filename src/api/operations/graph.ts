import { z } from 'zod'
import { circlesOf, criticalPath, freedBy, openBefore } from '../../model/graph.ts'
import { dotText, mermaidText, treeText } from '../../model/graph-text.ts'
import type { RecordKind } from '../../model/kind.ts'
import { task } from '../../model/kinds/task.ts'
import type { FoundGraph } from '../../store/record-graph.ts'
import { svgText } from '../graph-svg.ts'
import type { Operation } from '../operation.ts'
import { withAsOf } from './as-of.ts'
import { defineOperation, exampleId, idHelp } from './define.ts'

const MAX_NODES = 500

interface GraphInput {
  readonly id?: string | undefined
  readonly by: 'dependencies' | 'parent'
  readonly direction: 'before' | 'after' | 'both'
  readonly depth: number
  readonly format: 'tree' | 'dot' | 'mermaid' | 'svg'
}

const pathSchema = z.object({
  ids: z.array(z.string()).describe('what must be done first comes first'),
  hours: z.number().describe('what it takes in all'),
  unestimated: z.number().describe('how many nobody has estimated: each counts as an hour'),
})

const outputSchema = z.object({
  nodes: z
    .array(
      z.object({
        id: z.string(),
        title: z.string(),
        status: z.string(),
        isOpen: z.boolean(),
        hours: z.number().nullable(),
      }),
    )
    .describe('the tasks'),
  edges: z.array(z.object({ from: z.string(), to: z.string() })).describe('`from` depends on `to`, or is a part of it'),
  circles: z
    .array(z.array(z.string()))
    .describe('tasks that wait for each other: somebody must take one dependency out'),
  criticalPath: pathSchema.optional().describe('the chain of open tasks that takes longest'),
  waitsFor: z.array(z.string()).optional().describe('of one task: the open tasks before it, however far'),
  frees: z.array(z.string()).optional().describe('of one task: the tasks that wait for it alone'),
  more: z.boolean().describe('there are more tasks than are shown'),
  text: z.string().describe('the graph in the format that was asked for'),
})

/** `orch graph t-7f3k`, `orch graph --format svg > graph.svg` */
export const graphOperations: readonly Operation[] = [
  withAsOf(
    defineOperation<GraphInput, z.infer<typeof outputSchema>>({
      name: 'graph',
      effect: 'read',
      role: 'reader',
      help: 'Shows what waits for what: around a task, or all open tasks that depend on others; circles, and the critical path.',
      input: z.strictObject({
        id: z.string().optional().describe(idHelp(task)),
        by: z
          .enum(['dependencies', 'parent'])
          .default('dependencies')
          .describe('what leads from task to task: what it depends on, or what it is a part of'),
        direction: z
          .enum(['before', 'after', 'both'])
          .default('both')
          .describe('of one task: what it waits for, what waits for it, or both'),
        depth: z.number().int().min(1).max(100).default(20).describe('how far from the task'),
        format: z
          .enum(['tree', 'dot', 'mermaid', 'svg'])
          .default('tree')
          .describe('for a terminal, for Graphviz, for Markdown, or a picture'),
      }),
      output: outputSchema,
      cli: {
        command: 'graph',
        positionals: ['id'],
        view: { type: 'text', field: 'text' },
        examples: [`orch graph ${exampleId(task)}`, 'orch graph --format svg > graph.svg'],
      },
      async run({ project }, { id, by, direction, depth, format }) {
        const kind = project.kinds.own(task)
        const root = id === undefined ? undefined : project.resolve(id, kind).id
        const graph = project.graph(kind, {
          field: by,
          root,
          direction: direction === 'before' ? 'forward' : direction === 'after' ? 'backward' : 'both',
          depth,
          limit: MAX_NODES,
        })
        const circles = circlesOf(graph)
        const path = by === 'dependencies' ? criticalPath(graph) : undefined
        const answer = {
          nodes: [...graph.nodes],
          edges: [...graph.edges],
          circles: circles.map((circle) => [...circle]),
          ...(path && { criticalPath: { ...path, ids: [...path.ids] } }),
          ...(root &&
            by === 'dependencies' && { waitsFor: [...openBefore(graph, root)], frees: [...freedBy(graph, root)] }),
          more: graph.isCut,
        }
        return { ...answer, text: await drawn(graph, format, root, direction, answer) }
      },
    }),
  ),
]

type Answer = Omit<z.infer<typeof outputSchema>, 'text'>

async function drawn(
  graph: FoundGraph,
  format: GraphInput['format'],
  root: string | undefined,
  direction: GraphInput['direction'],
  answer: Answer,
): Promise<string> {
  switch (format) {
    case 'dot':
      return dotText(graph)
    case 'mermaid':
      return mermaidText(graph)
    case 'svg':
      return await svgText(graph)
    case 'tree':
      return trees(graph, root, direction) + notes(answer)
  }
}

function trees(graph: FoundGraph, root: string | undefined, direction: GraphInput['direction']): string {
  if (root === undefined) {
    if (graph.nodes.length === 0) return 'No open task depends on another.\n'
    const named = new Set(graph.edges.map(({ to }) => to))
    const tops = graph.nodes.map(({ id }) => id).filter((id) => !named.has(id))
    // Where every task is named by another, they go round in circles.
    return treeText(graph, tops.length > 0 ? tops : graph.nodes.slice(0, 1).map(({ id }) => id), 'forward')
  }
  const before = direction === 'after' ? '' : treeText(graph, [root], 'forward')
  const after = direction === 'before' ? '' : treeText(graph, [root], 'backward')
  if (direction !== 'both') return before + after
  return `Waits for\n${before}\nIs waited for by\n${after}`
}

function notes({ circles, criticalPath: path, waitsFor, frees, more }: Answer): string {
  return [
    ...circles.map((circle) => `! These wait for each other: ${circle.join(', ')}`),
    ...(path && path.ids.length > 1
      ? [
          `Critical path: ${path.ids.join(' -> ')}, ${path.hours} h${path.unestimated > 0 ? ` (${path.unestimated} not estimated)` : ''}`,
        ]
      : []),
    ...(waitsFor && waitsFor.length > 0 ? [`Waits for ${waitsFor.length} open: ${waitsFor.join(', ')}`] : []),
    ...(frees && frees.length > 0 ? [`When it is completed, these can be begun: ${frees.join(', ')}`] : []),
    ...(more ? [`Only the first ${MAX_NODES} tasks are shown.`] : []),
  ]
    .map((line) => `\n${line}`)
    .join('')
    .concat('\n')
}

/** Whether a kind has parts whose progress can be summed up. */
export function hasParts(kind: RecordKind): boolean {
  return ['parent', 'status', 'estimatedHours', 'spentHours'].every((name) => name in kind.fields)
}
