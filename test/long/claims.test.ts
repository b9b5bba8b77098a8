import { afterEach, expect, test } from 'vitest'
import { raceForClaims } from '../flow/claim-race.ts'
import { createTestRepo, type TestRepo } from '../flow/harness.ts'
import { createRandom } from '../helpers/random.ts'

const rounds = Number(process.env.ORCH_CLAIM_ROUNDS ?? 50)
const seed = Number(process.env.ORCH_CLAIM_SEED ?? 1)

let repo: TestRepo
afterEach(() => repo.remove(), 120_000)

test(`${rounds} rounds: 8 processes race for 100 tasks, with kills`, async () => {
  repo = await createTestRepo({ env: { ORCH_CLAIMS_GRACE_MS: '300' } })
  const random = createRandom(seed)
  let [killed, claims, fenced] = [0, 0, 0]
  for (let round = 1; round <= rounds; round++) {
    const race = await raceForClaims(repo, {
      tasks: 100,
      processes: 8,
      kills: 5,
      workMs: 30,
      random: () => (random(1)[0] ?? 0) / 256,
    })
    expect(race.wrong, `round ${round}, seed ${seed}`).toEqual([])
    killed += race.killed
    claims += race.claims
    fenced += race.fenced
  }
  process.stdout.write(
    `${rounds} rounds, seed ${seed}: ${claims} claims, ${killed} killed, ${fenced} late writes refused\n`,
  )
})
