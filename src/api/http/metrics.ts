import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Commit } from '../../store/project.ts'
import type { CallNote } from '../door.ts'
import type { Status } from '../operation.ts'

export interface MetricsParts {
  readonly status: () => Status
  readonly connections: () => number
  readonly now: () => number
}

/** Counts and times for Prometheus. */
export interface Metrics {
  noteCall(note: CallNote): void
  noteCommit(commit: Commit): void
  /** An update of a peer or client that was refused, by its code. */
  noteRejected(code: string): void
  /** A request without a valid token. */
  noteUnauthorized(): void
  /** Everything in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

export function createMetrics({ status, connections, now }: MetricsParts): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const operations = new Histogram({
    name: 'orch_operation_seconds',
    help: 'How long operations took, by operation and outcome (ok, or the code of the refusal)',
    labelNames: ['operation', 'outcome'] as const,
    buckets: SECONDS,
    registers,
  })
  const lag = new Histogram({
    name: 'orch_journal_lag_seconds',
    help: 'How long a change made here waited until it was durable',
    buckets: SECONDS,
    registers,
  })
  const rows = new Counter({
    name: 'orch_rows_total',
    help: 'Rows written to the journal since the start, by what caused them and whether they were made here',
    labelNames: ['source', 'made'] as const,
    registers,
  })
  const rejected = new Counter({
    name: 'orch_rejected_updates_total',
    help: 'Updates of peers and clients that were refused, by code',
    labelNames: ['code'] as const,
    registers,
  })
  const unauthorized = new Counter({
    name: 'orch_unauthorized_total',
    help: 'Requests and connections without a valid token',
    registers,
  })
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: `orch_${name}`, help, labelNames: [...labelNames], registers })
  const gauges = {
    info: gauge('info', 'The version and the project', ['version', 'project', 'replica']),
    records: gauge('records', 'Living records by kind', ['kind']),
    bytes: gauge('size_bytes', 'Sizes on disk', ['what']),
    journal: gauge('journal_rows', 'Rows in the journal'),
    clients: gauge('clients', 'clientIDs ever seen'),
    links: gauge('links', 'Links to other replicas by state', ['state']),
    here: gauge('room_members', 'Who is in the room now', ['type']),
    problems: gauge('problems', 'What needs somebody'),
    connections: gauge('http_connections', 'Open connections to the HTTP front'),
    relayed: gauge('relay_rows', 'Rows that other nodes hold and this one does not, and those not passed on', [
      'state',
    ]),
    trip: gauge('relay_round_trip_seconds', 'From the way of a row to Redis until it was read back, the last time'),
    memory: gauge('resident_memory_bytes', 'Memory in use'),
    delay: gauge('event_loop_delay_seconds', 'The longest turn of the event loop in the last while'),
    started: gauge('start_time_seconds', 'When the daemon was started, in seconds since 1970'),
  }

  const collect = (): void => {
    const it = status()
    for (const one of [gauges.records, gauges.bytes, gauges.links, gauges.info]) one.reset()
    gauges.info.set({ version: it.version, project: it.project.name, replica: it.replica }, 1)
    for (const [kind, count] of Object.entries(it.counts)) gauges.records.set({ kind }, count)
    for (const [what, size] of Object.entries(it.sizes)) gauges.bytes.set({ what }, size)
    for (const state of ['connecting', 'linked', 'waiting', 'refused']) {
      gauges.links.set({ state }, it.peers.filter((peer) => peer.state === state).length)
    }
    const lagging = it.peers.find((peer) => peer.lag)?.lag
    if (lagging) {
      gauges.relayed.set({ state: 'behind' }, lagging.behind)
      gauges.relayed.set({ state: 'unsent' }, lagging.unsent)
      gauges.trip.set((lagging.roundTripMs ?? 0) / 1000)
    }
    gauges.here.set({ type: 'actor' }, it.here.actors.length)
    gauges.here.set({ type: 'replica' }, it.here.replicas.length)
    gauges.journal.set(it.rows)
    gauges.clients.set(it.clients)
    gauges.problems.set(it.problems.length)
    gauges.connections.set(connections())
    gauges.memory.set(process.memoryUsage.rss())
    gauges.delay.set(it.eventLoopDelayMs / 1000)
    gauges.started.set(Date.parse(it.startedAt) / 1000)
  }

  return {
    noteCall: ({ operation, milliseconds, error }) =>
      operations.observe({ operation: operation.name, outcome: error?.code ?? 'ok' }, milliseconds / 1000),
    noteCommit({ rows: written, origin }) {
      const made = origin.source === 'peer' || origin.source === 'git' ? 'elsewhere' : 'here'
      for (const { source, at } of written) {
        rows.inc({ source, made })
        if (made === 'here') lag.observe(Math.max(0, now() - at) / 1000)
      }
    },
    noteRejected: (code) => rejected.inc({ code }),
    noteUnauthorized: () => unauthorized.inc(),
    async text() {
      collect()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
