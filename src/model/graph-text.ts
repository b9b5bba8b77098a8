import { type Graph, type GraphNode, neighbours } from './graph.ts'

/** A graph as a person reads it in a terminal: a tree from each root, what was shown before only named. */
export function treeText(graph: Graph, roots: readonly string[], direction: 'forward' | 'backward'): string {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const next = neighbours(graph.edges, direction)
  const shown = new Set<string>()
  const lines: string[] = []
  const walk = (id: string, before: string, branch: string, under: string, path: ReadonlySet<string>): void => {
    const node = nodes.get(id)
    const children = next.get(id) ?? []
    const isCircle = path.has(id)
    const isKnown = shown.has(id) && children.length > 0
    const note = isCircle ? '  (a circle)' : isKnown ? '  (see above)' : ''
    lines.push(`${before}${branch}${node ? labelOf(node) : id}${note}`)
    if (isCircle || isKnown) return
    shown.add(id)
    children.forEach((child, i) => {
      const isLast = i === children.length - 1
      walk(child, before + under, isLast ? '└─ ' : '├─ ', isLast ? '   ' : '│  ', new Set([...path, id]))
    })
  }
  for (const root of roots) walk(root, '', '', '', new Set())
  return lines.map((line) => `${line}\n`).join('')
}

function labelOf({ id, title, status, hours }: GraphNode): string {
  return `${MARKS[status] ?? '○'} ${id}  ${oneLine(title)}${hours === null ? '' : `  ${hours}h`}`
}

const MARKS: Readonly<Record<string, string>> = {
  completed: '●',
  cancelled: '×',
  in_progress: '◐',
  review: '◑',
  blocked: '■',
}

/** The graph in Graphviz' language: an arrow leads from what must be done first to what waits for it. */
export function dotText({ nodes, edges }: Graph): string {
  const quote = (text: string): string => `"${oneLine(text).replace(/["\\]/g, '\\$&')}"`
  return [
    'digraph orch {',
    '  rankdir=LR; node [shape=box, style=rounded];',
    ...nodes.map(
      ({ id, title, isOpen }) =>
        `  ${quote(id)} [label=${quote(`${id}: ${title}`)}${isOpen ? '' : ', color=gray, fontcolor=gray'}];`,
    ),
    ...edges.map(({ from, to }) => `  ${quote(to)} -> ${quote(from)};`),
    '}',
    '',
  ].join('\n')
}

/** The graph for Mermaid, which code hosts show in Markdown. */
export function mermaidText({ nodes, edges }: Graph): string {
  // Its texts know no escapes but HTML's.
  const quoted = (text: string): string => oneLine(text).replace(/[&<>"#;`\\[\](){}|]/g, (c) => `#${c.charCodeAt(0)};`)
  const name = (id: string): string => id.replace(/[^\w]/g, '_')
  return [
    'graph LR',
    ...nodes.map(
      ({ id, title, isOpen }) => `  ${name(id)}["${quoted(`${id}: ${title}`)}"]${isOpen ? '' : ':::closed'}`,
    ),
    ...edges.map(({ from, to }) => `  ${name(to)} --> ${name(from)}`),
    '  classDef closed fill:#eee,stroke:#bbb,color:#888',
    '',
  ].join('\n')
}

/** Titles come from anybody: no line ends, no control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
}
