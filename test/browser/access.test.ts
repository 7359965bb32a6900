import axe from 'axe-core'
import { describe, expect, inject, it } from 'vitest'
import type { Page } from 'playwright-core'
import { settled, useBrowser } from './browser'

const open = useBrowser()
const first = inject('sent')[0]!

const pages = [
  '/?from=now-3h&to=now',
  '/breakdown?from=now-3h&to=now&show=ttft',
  '/explore?from=now-3h&to=now&select_low_ns=300000000',
  '/requests?from=now-3h&to=now',
  `/requests/${first.trace_id}/${first.span_id}`,
  '/compare?from=now-3h&to=now',
  '/alerts',
  '/setup?from=now-3h',
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
  it.each(pages)('axe finds nothing serious on %s', async (path) => {
    const page = await open(path, { theme })
    await settled(page)
    expect(await serious(page)).toEqual([])
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
