import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { settled, useBrowser } from './browser'

// Kept for people to look at; what they show is checked by the other files.

const folder = fileURLToPath(new URL('../artifacts/screens/', import.meta.url))
mkdirSync(folder, { recursive: true })

const open = useBrowser()
const slowest = [...inject('sent')].sort((a, b) => b.ttft - a.ttft)[0]!
const recent = 'from=now-2h&to=now&filter=environment=test'

const pages: [string, string][] = [
  ['overview', `/?${recent}`],
  ['breakdown', `/breakdown?${recent}`],
  ['explore', `/explore?${recent}&select_low_ns=500000000`],
  ['requests', `/requests?${recent}&sort=-ttft`],
  ['request', `/requests/${slowest.trace_id}/${slowest.span_id}`],
  ['compare', '/compare?from=now-29m&to=now&a_from=now-70m&a_to=now-41m&filter=service=chat-api'],
  ['alerts', '/alerts'],
  ['setup', '/setup?from=now-3h'],
]

describe.each([
  ['desktop', 1280, 900],
  ['phone', 390, 844],
] as const)('on a %s', (device, width, height) => {
  describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
    it.each(pages)('%s fits the width', async (name, path) => {
      const page = await open(path, { width, height, theme })
      await settled(page)
      await page.screenshot({ path: `${folder}${name}-${device}-${theme}.png`, fullPage: true })
      const [content, window] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ])
      expect(content).toBeLessThanOrEqual(window!)
    })
  })
})
