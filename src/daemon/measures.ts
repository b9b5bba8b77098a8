import type { CallNote } from '../api/door.ts'
import type { Metrics, MetricsParts } from '../api/http/metrics.ts'
import type { Service } from '../base/service.ts'
import type { Commit } from '../store/project.ts'

/** What is counted for `/metrics`. The package that counts is loaded when the daemon is ready; what comes before is kept for it. */
export interface Measures extends Service {
  noteCall(note: CallNote): void
  noteCommit(commit: Commit): void
  noteRejected(code: string): void
  noteUnauthorized(): void
  metrics(): Promise<Metrics>
}

export function createMeasures(parts: MetricsParts): Measures {
  let early: ((metrics: Metrics) => void)[] = []
  let metrics: Metrics | undefined
  let loading: Promise<Metrics> | undefined
  const note = (write: (metrics: Metrics) => void): void => {
    if (metrics) write(metrics)
    else early.push(write)
  }
  const load = async (): Promise<Metrics> => {
    const { createMetrics } = await import('../api/http/metrics.ts')
    const made = createMetrics(parts)
    for (const write of early) write(made)
    early = []
    metrics = made
    return made
  }
  const loaded = (): Promise<Metrics> => {
    loading ??= load()
    return loading
  }
  return {
    name: 'measures',
    noteCall: (one) => note((it) => it.noteCall(one)),
    noteCommit: (commit) => note((it) => it.noteCommit(commit)),
    noteRejected: (code) => note((it) => it.noteRejected(code)),
    noteUnauthorized: () => note((it) => it.noteUnauthorized()),
    metrics: loaded,
    async start() {
      await loaded()
    },
    async stop() {},
  }
}
