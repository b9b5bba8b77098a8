import { describe, expect, test } from 'vitest'
import { type Folder, walk } from '../../src/api/import/folder.ts'

/** What every folder must do, whatever holds its files. `make` gets texts by path and links to paths. */
export function folderContract(
  name: string,
  make: (files: Readonly<Record<string, string | { readonly link: string }>>) => Promise<Folder>,
): void {
  describe(`a folder (${name})`, () => {
    const files = { 'b.md': 'two', 'a/x.md': 'one', 'a/y/z.md': 'deep', 'a/linked.md': { link: 'x.md' } }

    test('lists what is in it in the order of names, links as links', async () => {
      const folder = await make(files)
      expect(await folder.readDir('a')).toEqual([
        { name: 'linked.md', type: 'link' },
        { name: 'x.md', type: 'file' },
        { name: 'y', type: 'folder' },
      ])
    })

    test('has no list for what is not there', async () => {
      expect(await (await make(files)).readDir('none')).toBeUndefined()
    })

    test('is walked to its last file, and no link is followed', async () => {
      const paths = (await walk(await make(files))).map(({ path, type }) => `${type} ${path}`)
      expect(paths).toEqual(['link a/linked.md', 'file a/x.md', 'file a/y/z.md', 'file b.md'])
    })

    test('reads a file up to the limit', async () => {
      const folder = await make(files)
      expect(new TextDecoder().decode(await folder.readFile('a/y/z.md', 4))).toBe('deep')
      await expect(folder.readFile('a/y/z.md', 3)).rejects.toThrow('it is 4 bytes; the limit is 3')
    })

    test('gives a file piece by piece, whole and in order', async () => {
      const long = 'naïve 商品\n'.repeat(50_000)
      const pieces = await all((await make({ long })).streamFile('long'))
      expect(pieces.length).toBeGreaterThan(1)
      expect(Buffer.concat(pieces).toString()).toBe(long)
    })

    test('reads no link', async () => {
      const folder = await make(files)
      await expect(folder.readFile('a/linked.md', 100)).rejects.toThrow()
      await expect(all(folder.streamFile('a/linked.md'))).rejects.toThrow()
      await expect(all(folder.streamFile('none'))).rejects.toThrow()
    })
  })
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const result: Uint8Array[] = []
  for await (const piece of pieces) result.push(piece)
  return result
}
