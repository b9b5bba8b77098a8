import { expect, test } from 'vitest'
import { createIdentity } from '../../src/agents/identity.ts'
import type { Principal } from '../../src/model/principal.ts'
import { openAgentMarks } from '../../src/store/agent-marks.ts'
import { createRandom } from '../helpers/random.ts'
import { createMemoryDatabase } from '../memory/database.ts'

const session = 's-7f3k9q2m'
const claude = { name: 'claude', type: 'agent', verified: false } as const
const said: Principal = { actor: claude, role: 'writer', by: 'socket', from: 'local' }
const person: Principal = {
  actor: { name: 'Ada', type: 'person', verified: false },
  role: 'admin',
  by: 'socket',
  from: 'local',
}

function identityWithKey() {
  const identity = createIdentity(openAgentMarks(createMemoryDatabase()), createRandom(1))
  return { ...identity, key: identity.issue(session, claude) }
}

test('[P5] the key of a session proves whose it is: its actor, checked, and no more rights than an agent has', () => {
  const { identify, key } = identityWithKey()
  const checked = { name: 'claude', type: 'agent', verified: true }
  expect(identify({ ...said, session: key })).toMatchObject({ actor: checked, session, role: 'writer' })
  expect(identify({ ...person, session: key })).toMatchObject({ actor: checked, session, role: 'writer' })
})

test('without its key, or with another, a session is not continued; nor under another name', () => {
  const { identify, key } = identityWithKey()
  const refused = (principal: Principal, why: string) => expect(() => identify(principal)).toThrow(why)
  refused({ ...said, session }, 'only its id was given')
  refused({ ...person, session }, 'only its id was given')
  refused({ ...said, session: `${session}.guess` }, 'the key is not the one')
  refused({ ...said, actor: { ...claude, name: 'other' }, session: key }, "it is claude's, not other's")
  refused({ ...said, session: 's-00000000.guess' }, 'it was not started here')
})

test('a name that was only said stays unverified; a session that nobody has a key of is taken as said', () => {
  const { identify } = identityWithKey()
  expect(identify(said)).toEqual(said)
  expect(identify({ ...said, session: 's-00000000' })).toMatchObject({ session: 's-00000000', actor: claude })
})

test('the key is kept only as a hash', () => {
  const database = createMemoryDatabase()
  const key = createIdentity(openAgentMarks(database), createRandom(1)).issue(session, claude)
  const kept = JSON.stringify(database.all('SELECT * FROM session_keys'))
  expect(kept).not.toContain(key.split('.')[1])
})
