import { describe, expect, test } from 'vitest'
import { circlesOf, criticalPath, type Edge, freedBy, type Graph, openBefore } from '../../src/model/graph.ts'
import { dotText, mermaidText, treeText } from '../../src/model/graph-text.ts'
import { createRandom } from '../helpers/random.ts'

const graph = (nodes: Readonly<Record<string, number | null>>, edges: readonly string[], closed = ''): Graph => ({
  nodes: Object.entries(nodes).map(([id, hours]) => ({
    id,
    title: `Task ${id}`,
    status: closed.includes(id) ? 'completed' : 'todo',
    isOpen: !closed.includes(id),
    hours,
  })),
  edges: edges.map((edge): Edge => ({ from: edge[0] ?? '', to: edge[1] ?? '' })),
})
const one = { a: 1, b: 2, c: 3, d: null }

describe('questions about a graph', () => {
  test('circles: all that lead to each other, and nothing else', () => {
    expect(circlesOf(graph(one, ['ab', 'bc']))).toEqual([])
    expect(circlesOf(graph(one, ['ab', 'ba', 'bc', 'dd']))).toEqual([['a', 'b'], ['d']])
  })

  test('the critical path is the chain that takes longest; closed tasks and circles are no part of it', () => {
    expect(criticalPath(graph(one, ['ab', 'bc', 'da']))).toEqual({
      ids: ['c', 'b', 'a', 'd'],
      hours: 7,
      unestimated: 1,
    })
    expect(criticalPath(graph(one, ['ab', 'bc', 'da'], 'c'))).toEqual({
      ids: ['b', 'a', 'd'],
      hours: 4,
      unestimated: 1,
    })
    expect(criticalPath(graph(one, ['ab', 'ba', 'ca']))).toEqual({ ids: ['d'], hours: 1, unestimated: 1 })
    expect(criticalPath(graph({}, []))).toBeUndefined()
  })

  test('what is before a task, and what its end sets free', () => {
    const all = graph(one, ['ab', 'bc', 'cd', 'ad'], 'd')
    expect(openBefore(all, 'a')).toEqual(['b', 'c'])
    expect(freedBy(all, 'c')).toEqual(['b'])
    expect(freedBy(graph(one, ['ab', 'ac']), 'b')).toEqual([])
  })

  test('on random graphs they are what trying all ways gives', () => {
    const random = createRandom(3)
    const pick = (n: number): number => (random(1)[0] ?? 0) % n
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    for (let run = 0; run < 200; run++) {
      const edges = names.flatMap((from) => names.filter(() => pick(5) === 0).map((to) => from + to))
      const all = graph(
        Object.fromEntries(names.map((name) => [name, pick(6)])),
        edges,
        names.filter(() => pick(4) === 0).join(''),
      )
      const reach = (from: string): ReadonlySet<string> => {
        const found = new Set<string>()
        const walk = (id: string): void => {
          for (const { to } of all.edges.filter((edge) => edge.from === id)) {
            if (!found.has(to)) {
              found.add(to)
              walk(to)
            }
          }
        }
        walk(from)
        return found
      }
      expect(circlesOf(all).flat().sort()).toEqual(names.filter((name) => reach(name).has(name)))
      const hoursOf = new Map(all.nodes.map(({ id, hours, isOpen }) => [id, isOpen ? (hours ?? 1) : undefined]))
      const sub = (id: string): readonly string[] =>
        all.edges.filter(({ from, to }) => from === id && hoursOf.get(to) !== undefined).map(({ to }) => to)
      const isDoable = (id: string, path: readonly string[] = []): boolean =>
        !path.includes(id) && sub(id).every((to) => isDoable(to, [...path, id]))
      const longest = (id: string): number => (hoursOf.get(id) ?? 0) + Math.max(0, ...sub(id).map(longest))
      const doable = names.filter((name) => hoursOf.get(name) !== undefined && isDoable(name))
      const expected = doable.length === 0 ? undefined : Math.max(...doable.map(longest))
      expect(criticalPath(all)?.hours).toEqual(expected)
    }
  })
})

describe('a graph as text', () => {
  test('is a tree in which what was shown is only named again', () => {
    expect(treeText(graph({ a: 2, b: null, c: null }, ['ab', 'ac', 'bc'], 'c'), ['a'], 'forward')).toBe(
      ['○ a  Task a  2h', '├─ ○ b  Task b', '│  └─ ● c  Task c', '└─ ● c  Task c', ''].join('\n'),
    )
    expect(treeText(graph({ a: null, b: null }, ['ab', 'ba']), ['a'], 'forward')).toContain('a  Task a  (a circle)')
  })

  test('titles by others are data in every language', () => {
    const hostile: Graph = {
      nodes: [{ id: 't-1', title: '"];\n x -> y; `<b>`\u001b[31m', status: 'todo', isOpen: true, hours: null }],
      edges: [],
    }
    expect(dotText(hostile)).toContain('"t-1" [label="t-1: \\"]; x -> y; `<b>` [31m"];')
    expect(mermaidText(hostile)).toContain('t_1["t-1: #34;#93;#59; x -#62; y#59; #96;#60;b#62;#96; #91;31m"]')
    expect(treeText(hostile, ['t-1'], 'forward')).not.toContain('\u001b')
  })
})
