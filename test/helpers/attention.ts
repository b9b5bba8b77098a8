import { type AttentionItem, attentionId, type Problem } from '../../src/model/attention.ts'

/** A problem as the attention list shows it. */
export function itemOf(problem: Omit<Problem, 'since'>): AttentionItem {
  const { key: _, ...shown } = problem
  return { id: attentionId(problem), since: '2026-11-23T08:00:00.000Z', ...shown, ways: problem.ways ?? [] }
}
