import { truncate, widthOf } from '../base/width.ts'
import type { Graph } from '../model/graph.ts'
import { oneLine } from '../model/graph-text.ts'

/** Of a column as a terminal has them: wide signs take two. */
const COLUMN_WIDTH = 7.2
const NODE_HEIGHT = 40
const MAX_COLUMNS = 34
const MARGIN = 16

/** The graph as an SVG file that stands by itself: what must be done first is on the left. */
export async function svgText(graph: Graph): Promise<string> {
  const { graphlib, layout } = (await import('@dagrejs/dagre')).default
  const drawn = new graphlib.Graph({ directed: true }).setGraph({
    rankdir: 'LR',
    nodesep: 14,
    ranksep: 42,
    marginx: MARGIN,
    marginy: MARGIN,
    // The default takes ten times as long from some hundred nodes on.
    ranker: 'tight-tree',
  })
  drawn.setDefaultEdgeLabel(() => ({}))
  for (const node of graph.nodes) {
    const title = truncate(oneLine(node.title), MAX_COLUMNS)
    const width = Math.max(widthOf(title), node.id.length) * COLUMN_WIDTH + 20
    drawn.setNode(node.id, { width, height: NODE_HEIGHT })
  }
  for (const { from, to } of graph.edges) drawn.setEdge(to, from)
  if (graph.nodes.length > 0) layout(drawn)
  const size = drawn.graph() as { width?: number; height?: number }
  const [width, height] = [Math.ceil(size.width ?? 2 * MARGIN), Math.ceil(size.height ?? 2 * MARGIN)]
  const lines = drawn.edges().map((edge: { v: string; w: string }) => {
    const { points = [] } = drawn.edge(edge) as { points?: readonly { x: number; y: number }[] }
    return `<path d="${points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')}"/>`
  })
  const boxes = graph.nodes.map(({ id, title, status, isOpen }) => {
    const box = drawn.node(id) as { x: number; y: number; width: number; height: number }
    const [left, top] = [box.x - box.width / 2, box.y - box.height / 2]
    return [
      `<g class="${isOpen ? 'open' : 'closed'} ${escapeMarkup(status)}"><title>${escapeMarkup(`${id}: ${oneLine(title)} (${status})`)}</title>`,
      `<rect x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${box.width.toFixed(1)}" height="${box.height}" rx="6"/>`,
      `<text x="${(left + 10).toFixed(1)}" y="${(top + 16).toFixed(1)}" class="id">${escapeMarkup(id)}</text>`,
      `<text x="${(left + 10).toFixed(1)}" y="${(top + 31).toFixed(1)}">${escapeMarkup(truncate(oneLine(title), MAX_COLUMNS))}</text></g>`,
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="end" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="end" d="M0 0L10 5L0 10z"/></marker></defs>',
    ...lines,
    ...boxes,
    '</svg>',
    '',
  ].join('\n')
}

const STYLE = [
  'text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}.id{font:10px ui-monospace,monospace;fill:#656d76}',
  'rect{fill:#fff;stroke:#8c959f}path{fill:none;stroke:#8c959f;marker-end:url(#end)}path.end{fill:#8c959f;stroke:none;marker-end:none}',
  '.in_progress rect,.review rect{fill:#ddf4ff;stroke:#0969da}.blocked rect{fill:#ffebe9;stroke:#cf222e}.closed rect{fill:#f6f8fa;stroke:#d0d7de}.closed text{fill:#8c959f}',
].join('')

/** Titles are by others: none of it may be markup. */
function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
