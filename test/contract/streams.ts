import { afterEach, describe, expect, test } from 'vitest'
import { FIRST, isAfter, type Streams } from '../../src/peers/streams.ts'

export interface OpenStreams {
  readonly streams: Streams
  /** Another connection to the same server. */
  readonly other: Streams
  /** Lets so much time pass for the server. */
  pass(ms: number): Promise<void>
  dispose(): Promise<void>
}

/** What Streams must do; run on each adapter. */
export function streamsContract(name: string, open: () => Promise<OpenStreams>): void {
  describe(`streams (${name})`, () => {
    let opened: OpenStreams | undefined
    const start = async (): Promise<OpenStreams> => {
      opened = await open()
      return opened
    }
    afterEach(() => opened?.dispose())
    const from = (stream: string, id = FIRST): ReadonlyMap<string, string> => new Map([[stream, id]])

    test('a stream that keeps only the newest is cut, and says which is the last', async () => {
      const { streams } = await start()
      expect(await streams.last('news')).toBe(FIRST)
      let id = ''
      for (let i = 0; i < 500; i++) id = await streams.append('news', 'r1', Uint8Array.of(i & 255), 100)
      expect(await streams.last('news')).toBe(id)
      const kept = (await streams.read(from('news'), 1000, 1)).length
      // A server cuts whole pieces: about so many.
      expect(kept).toBeGreaterThanOrEqual(100)
      expect(kept).toBeLessThan(500)
    })

    test('entries come whole, in order and with their writer, to every reader, from any position', async () => {
      const { streams, other } = await start()
      const big = Uint8Array.from({ length: 1_000_000 }, (_, i) => i & 255)
      const ids: string[] = []
      for (const bytes of [Uint8Array.of(1), big, Uint8Array.of()]) ids.push(await streams.append('s', 'r1', bytes))
      ids.push(await other.append('s', 'r2', Uint8Array.of(255, 0)))
      for (const reader of [streams, other]) {
        const entries = await reader.read(from('s'), 10, 1)
        expect(entries.map(({ id }) => id)).toEqual(ids)
        expect(entries.map(({ from }) => from)).toEqual(['r1', 'r1', 'r1', 'r2'])
        expect(entries.map(({ bytes }) => bytes.length)).toEqual([1, 1_000_000, 0, 2])
        expect(Buffer.compare(entries[1]?.bytes ?? Buffer.of(), big)).toBe(0)
      }
      expect((await streams.read(from('s', ids[1]), 1, 1)).map(({ id }) => id)).toEqual([ids[2]])
      expect(ids.slice(1).every((id, i) => isAfter(id, ids[i] as string))).toBe(true)
    })

    test('several streams are read at once; one that is not there is empty', async () => {
      const { streams } = await start()
      await streams.append('a', 'r', Uint8Array.of(1))
      await streams.append('b', 'r', Uint8Array.of(2))
      const entries = await streams.read(new Map([...from('a'), ...from('b'), ...from('none')]), 10, 1)
      expect(entries.map(({ stream, bytes }) => [stream, bytes[0]])).toEqual([
        ['a', 1],
        ['b', 2],
      ])
      expect(await streams.read(from('none'), 10, 0)).toEqual([])
    })

    test('a read that waits is woken by what another one appends', async () => {
      const { streams, other } = await start()
      const waiting = streams.read(from('s'), 10, 5_000)
      await other.append('s', 'r', Uint8Array.of(7))
      expect((await waiting).map(({ bytes }) => bytes[0])).toEqual([7])
    })

    test('a cut takes the entries up to an id, and no other', async () => {
      const { streams } = await start()
      const ids: string[] = []
      for (let i = 0; i < 5; i++) ids.push(await streams.append('s', 'r', Uint8Array.of(i)))
      await streams.trim('s', ids[1] as string)
      expect((await streams.read(from('s'), 10, 1)).map(({ id }) => id)).toEqual(ids.slice(2))
      await streams.trim('s', FIRST)
      expect((await streams.read(from('s'), 10, 1)).length).toBe(3)
      await streams.trim('none', ids[1] as string)
      await streams.remove('s')
      expect(await streams.read(from('s'), 10, 1)).toEqual([])
    })

    test('fields, values that end, and values that are set once', async () => {
      const { streams, other, pass } = await start()
      expect(await streams.fields('h')).toEqual(new Map())
      await streams.setField('h', 'a', '1')
      await other.setField('h', 'b', 'プ')
      await streams.setField('h', 'a', '2')
      expect(await streams.fields('h')).toEqual(new Map(Object.entries({ a: '2', b: 'プ' })))
      await streams.dropField('h', 'a')
      expect(await other.fields('h')).toEqual(new Map([['b', 'プ']]))
      expect(await streams.setOnce('once', 'first')).toBe('first')
      expect(await other.setOnce('once', 'second')).toBe('first')
      await streams.setFor('k', 'v', 100)
      expect(await other.get(['k', 'none', 'once'])).toEqual(['v', undefined, 'first'])
      await pass(150)
      expect(await other.get(['k'])).toEqual([undefined])
      expect(await other.get([])).toEqual([])
    })

    test('closed, it rejects, and so does the read that waits', async () => {
      const { streams } = await start()
      const waiting = streams.read(from('s'), 10, 5_000)
      const ends = expect(waiting).rejects.toThrow()
      await streams.fields('h')
      streams.close()
      await ends
      await expect(streams.append('s', 'r', Uint8Array.of(1))).rejects.toThrow()
    })
  })
}
