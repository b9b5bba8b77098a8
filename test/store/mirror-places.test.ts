import { expect, test } from 'vitest'
import { openMirrorBases } from '../../src/store/mirror-bases.ts'
import { openMirrorPlaces } from '../../src/store/mirror-places.ts'
import { createMemoryDatabase } from '../memory/database.ts'

const base = {
  path: 'a.md',
  kind: 'task',
  id: 't-1',
  text: 'x',
  hash: 'h',
  style: { bom: false, eol: 'lf' },
  problem: undefined,
} as const

test('[M1] each mirror has bases of its own, and a dropped one leaves nothing', () => {
  const db = createMemoryDatabase()
  const places = openMirrorPlaces(db)
  const [one, two] = [places.add('/w/one', '/w/one/orch'), places.add('/w/two', '/w/two/orch')]
  expect(places.add('/w/one', '/w/one/orch')).toEqual(one)
  const [main, first, second] = [
    openMirrorBases(db),
    openMirrorBases(places.scope(one)),
    openMirrorBases(places.scope(two)),
  ]
  main.put(base)
  first.put({ ...base, text: 'y' })
  first.addVersion('a.md', { text: 'old', next: 'y', replacedAt: 1 })
  expect([main, first, second].map((bases) => bases.get('a.md')?.text)).toEqual(['x', 'y', undefined])
  expect(main.versions('a.md', 0)).toEqual([])
  places.drop(one)
  expect(places.list()).toEqual([two])
  const tables = db.all<{ name: string }>("SELECT name FROM sqlite_master WHERE name LIKE 'mirror_%'")
  expect(tables.filter(({ name }) => name.endsWith(`_of_${one.n}`))).toEqual([])
  expect(main.get('a.md')?.text).toBe('x')
  expect(places.add('/w/one', '/w/one/orch').n).toBeGreaterThan(two.n)
})
