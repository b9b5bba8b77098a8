import { afterEach, describe, expect, test } from 'vitest'
import type { Wire } from '../../src/peers/wire.ts'

export interface OpenWires {
  readonly ends: readonly [Wire, Wire]
  dispose(): Promise<void>
}

/** What every Wire must do; run on each adapter. */
export function wireContract(name: string, open: () => Promise<OpenWires>): void {
  describe(`a wire (${name})`, () => {
    let opened: OpenWires | undefined
    const wires = async (): Promise<readonly [Wire, Wire]> => {
      opened = await open()
      return opened.ends
    }
    afterEach(() => opened?.dispose())

    const frames = (wire: Wire, count: number): Promise<readonly Uint8Array[]> =>
      new Promise((resolve) => {
        const got: Uint8Array[] = []
        wire.onFrame((frame) => {
          got.push(frame)
          if (got.length === count) resolve(got)
        })
      })
    const ended = (wire: Wire): Promise<readonly [number, string]> =>
      new Promise((resolve) => wire.onClose((code, reason) => resolve([code, reason])))

    test('frames arrive whole and in order, both ways', async () => {
      const [a, b] = await wires()
      const sent = [
        Uint8Array.of(1),
        Uint8Array.from({ length: 1_000_000 }, (_, i) => i & 255),
        Uint8Array.of(),
        Uint8Array.of(2),
      ]
      for (const frame of sent) a.send(frame)
      b.send(Uint8Array.of(9))
      expect((await frames(b, 4)).map((frame) => frame.length)).toEqual([1, 1_000_000, 0, 1])
      expect(await frames(a, 1)).toEqual([Uint8Array.of(9)])
    })

    test('frames that came before anybody listened are held', async () => {
      const [a, b] = await wires()
      const there = ended(b)
      a.send(Uint8Array.of(1))
      a.send(Uint8Array.of(2))
      a.close(1001, '')
      await there
      expect(await frames(b, 2)).toEqual([Uint8Array.of(1), Uint8Array.of(2)])
    })

    test('while it is held nothing is read, and afterwards everything, in order', async () => {
      const [a, b] = await wires()
      const got: number[] = []
      const all = new Promise<void>((resolve) =>
        b.onFrame((frame) => {
          got.push(frame[0] ?? -1)
          if (frame[0] === 3) resolve()
        }),
      )
      a.send(Uint8Array.of(0))
      while (got.length === 0) await new Promise((resolve) => setImmediate(resolve))
      const [release, again] = [b.hold(), b.hold()]
      for (const byte of [1, 2, 3]) a.send(Uint8Array.of(byte))
      release()
      release()
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
      expect(got).toEqual([0])
      again()
      await all
      expect(got).toEqual([0, 1, 2, 3])
    })

    test('both sides hear the end once, with code and reason, after the frames sent before it', async () => {
      const [a, b] = await wires()
      const heard: string[] = []
      b.onFrame((frame) => heard.push(`frame ${frame[0]}`))
      const here = new Promise<void>((resolve) =>
        a.onClose((code, reason) => {
          heard.push(`a ${code} ${reason}`)
          resolve()
        }),
      )
      const there = new Promise<void>((resolve) =>
        b.onClose((code, reason) => {
          heard.push(`b ${code} ${reason}`)
          resolve()
        }),
      )
      a.send(Uint8Array.of(7))
      a.close(4409, 'different project')
      a.close(4400, 'a second time')
      expect(a.isOpen).toBe(false)
      a.send(Uint8Array.of(8))
      await Promise.all([here, there])
      expect(b.isOpen).toBe(false)
      expect(heard.toSorted()).toEqual(['a 4409 different project', 'b 4409 different project', 'frame 7'])
      expect(heard.indexOf('frame 7')).toBeLessThan(heard.indexOf('b 4409 different project'))
    })

    test('who asks after the end hears it at once', async () => {
      const [a, b] = await wires()
      const there = ended(b)
      a.close(1001, 'leaving')
      expect(await there).toEqual([1001, 'leaving'])
      expect(await ended(b)).toEqual([1001, 'leaving'])
    })

    test('a reason that is too long for a close frame arrives shortened', async () => {
      const [a, b] = await wires()
      const there = ended(b)
      const long = 'プロジェクト '.repeat(20)
      a.close(4409, long)
      const [code, reason] = await there
      expect(code).toBe(4409)
      expect(reason.length).toBeGreaterThan(30)
      expect(long.startsWith(reason)).toBe(true)
    })
  })
}
