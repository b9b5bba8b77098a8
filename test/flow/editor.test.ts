import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { task } from '../../src/model/kinds/task.ts'
import { byAlice } from '../helpers/project.ts'
import { createStockServer } from '../helpers/stock-server.ts'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const isThere = existsSync(CHROMIUM)
if (!isThere) process.stderr.write(`\nSKIPPED: no Chromium at ${CHROMIUM}; npm run setup installs it\n\n`)

let browser: Browser
let script: string
beforeAll(async () => {
  if (!isThere) return
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  const entry = join(import.meta.dirname, 'editor-page.js')
  const built = await build({ entryPoints: [entry], bundle: true, write: false, format: 'iife' })
  script = built.outputFiles[0]?.text ?? ''
}, 60_000)
afterAll(() => browser?.close())
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

const until = (holds: () => unknown) => vi.waitFor(holds, { timeout: 20_000, interval: 20 })

/** Serves the page from an origin of its own, on this machine. */
async function servePage(): Promise<string> {
  const pages = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><body><script src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
  undo.push(() => new Promise((resolve) => pages.close(resolve)))
  undo.push(() => pages.closeAllConnections())
  return `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
}

test.skipIf(!isThere)(
  '[P2] [R4] an editor in a browser: what is typed offline and over a reload arrives, others see it and who typed it, and a restored server shows what waits',
  async () => {
    const server = await createStockServer(undo)
    const id = await server.project.transact(byAlice, (tx) => tx.create(task, { title: 'one', body: 'text' }))
    const origin = await servePage()
    const open = async (token: string): Promise<Page> => {
      const context = await browser.newContext()
      undo.push(() => context.close())
      const page = await context.newPage()
      await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, token, id })}`)
      return page
    }
    const shown = (page: Page) => page.evaluate('window.view?.state.doc.toString()')
    const type = async (page: Page, text: string): Promise<void> => {
      await page.locator('.cm-content').click()
      await page.keyboard.press('Control+End')
      await page.keyboard.type(text)
    }
    const [bob, carol] = [await open(server.token), await open(server.tokenOf('carol'))]
    await until(async () => expect([await shown(bob), await shown(carol)]).toEqual(['text', 'text']))
    await type(bob, ' typed')
    await until(async () => expect([server.bodyOf(id), await shown(carol)]).toEqual(['text typed', 'text typed']))
    await until(async () => expect(await carol.locator('.cm-ySelectionInfo').allTextContents()).toEqual(['bob']))

    await server.project.idle()
    await server.stop()
    server.backup()
    await type(bob, ' offline')
    await bob.reload()
    await until(async () => expect(await shown(bob)).toBe('text typed offline'))
    await type(bob, ' reloaded')
    const again = await server.start()
    await until(() => expect(again.bodyOf(id)).toBe('text typed offline reloaded'))
    await until(async () => expect(await shown(carol)).toBe('text typed offline reloaded'))

    await again.project.transact(byAlice, (tx) =>
      tx.update(task, id, {
        edit: { body: [{ at: 0, delete: 'text typed offline reloaded'.length, insert: 'all new' }] },
      }),
    )
    await until(async () => expect([await shown(bob), await shown(carol)]).toEqual(['all new', 'all new']))
    await again.stop()
    server.restore()
    await type(bob, ' bob')
    await type(carol, ' carol')
    const restored = await server.start()
    await until(() => expect(restored.project.parked().map(({ actor }) => actor)).toEqual(['bob', 'carol']))
    await type(bob, ' more')
    await until(async () => {
      await restored.project.acceptParked('bob')
      await restored.project.acceptParked('carol')
      const texts = [restored.bodyOf(id), await shown(bob), await shown(carol)]
      expect(texts[0]).toMatch(/^all new/)
      for (const word of [' bob', ' carol', ' more']) expect(texts[0]).toContain(word)
      expect(new Set(texts).size).toBe(1)
    })
    expect(restored.project.parked()).toEqual([])
    expect(restored.conduct.refusals()).toEqual([])
  },
  90_000,
)
