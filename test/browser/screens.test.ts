import axe from 'axe-core'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import type { Page } from 'playwright-core'
import { settled, useBrowser } from './browser'

// The pictures are kept for people to look at; what they show is checked by the other files.
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

const devices = [
  { device: 'desktop', width: 1280, height: 900 },
  { device: 'phone', width: 390, height: 844 },
]

/** What axe finds to be serious or critical, as text that names the element. */
async function serious(page: Page): Promise<string[]> {
  // Injected over the debugging protocol, which the page's policy does not bind.
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') }
    const { violations } = await axe.run(document)
    return violations
      .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
      .flatMap((violation) =>
        violation.nodes.map((node) => `${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
      )
  })
}

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  it.each(pages)('%s fits a desktop and a phone, and axe finds nothing serious', async (name, path) => {
    const page = await open(path, { theme })
    for (const { device, width, height } of devices) {
      await page.setViewportSize({ width, height })
      await settled(page)
      await page.screenshot({ path: `${folder}${name}-${device}-${theme}.png`, fullPage: true })
      const [content, window] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ])
      expect(content, device).toBeLessThanOrEqual(window!)
      expect(await serious(page), device).toEqual([])
    }
  })

  it('axe finds nothing serious in what opens above a page', async () => {
    const page = await open('/breakdown', { theme })
    await page.keyboard.press('t')
    await page.getByRole('dialog', { name: 'Time range' }).waitFor()
    expect(await serious(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Help' }).waitFor()
    expect(await serious(page)).toEqual([])
  })
})

describe('for screen readers', () => {
  it('every chart has its numbers in a table', async () => {
    const page = await open('/?from=now-3h&to=now')
    await page.locator('.chart canvas').first().waitFor()
    expect(
      await page
        .getByRole('table', { name: /TTFT percentiles over time/ })
        .getByRole('row')
        .count(),
    ).toBeGreaterThan(10)
    expect(
      await page
        .getByRole('table', { name: /Mean TTFT by phase over time/ })
        .getByRole('row')
        .count(),
    ).toBeGreaterThan(10)
    expect(await page.getByRole('table', { name: /mean composition/ }).innerText()).toMatch(/queue \d/)
  })
})
