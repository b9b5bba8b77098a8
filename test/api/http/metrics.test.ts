import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/api/http/metrics.ts'
import { OrchError } from '../../../src/base/error.ts'
import { task } from '../../../src/model/kinds/task.ts'
import { alice, byAlice, createTestProject, principalOf } from '../../helpers/project.ts'
import { createCaller } from '../operations-caller.ts'

test('operations, commits, refusals and sizes are there for Prometheus', async () => {
  const redis = { name: 'redis', url: 'redis://h', state: 'linked', since: '2026-11-23T08:00:00.000Z' } as const
  const status = {
    ...(await createCaller().parts.daemon.status()),
    peers: [{ ...redis, lag: { behind: 2, unsent: 1, roundTripMs: 4 } }],
  }
  const { project, clock } = createTestProject()
  const metrics = createMetrics({ status: () => status, connections: () => 3, now: clock.now })
  project.onCommit(metrics.noteCommit)
  await project.transact(byAlice, (tx) => tx.create(task, { title: 'a' }))
  const operation = { name: 'task.show' } as never
  const principal = principalOf(alice)
  metrics.noteCall({ operation, principal, milliseconds: 4, about: undefined, error: undefined })
  metrics.noteCall({ operation, principal, milliseconds: 4, about: undefined, error: new OrchError('unauthorized') })
  metrics.noteRejected('4400')
  metrics.noteUnauthorized()
  const text = await metrics.text()
  for (const line of [
    'orch_operation_seconds_bucket{le="0.005",operation="task.show",outcome="ok"} 1',
    'orch_operation_seconds_count{operation="task.show",outcome="unauthorized"} 1',
    'orch_rows_total{source="api",made="here"} 1',
    'orch_journal_lag_seconds_count 1',
    'orch_rejected_updates_total{code="4400"} 1',
    'orch_unauthorized_total 1',
    'orch_http_connections 3',
    'orch_records{kind="tasks"} 1',
    'orch_links{state="refused"} 0',
    'orch_relay_rows{state="behind"} 2',
    'orch_relay_rows{state="unsent"} 1',
    'orch_relay_round_trip_seconds 0.004',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
})
