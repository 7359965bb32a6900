import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { settled, useBrowser } from './browser'
import { api, sendSpans, startServer, until } from './server'
import { HOSTILE, hostileSpans, spansOf, traffic } from './traffic'

const open = useBrowser()
const hostile = hostileSpans(0)

const owned = (page: Awaited<ReturnType<typeof open>>) => page.evaluate(() => (window as { __owned?: number }).__owned)

describe('hostile text', () => {
  it('is stored as it was sent', async () => {
    const answer = await api<{ groups: { labels: { value: string }[] }[] }>(
      { url: inject('url') },
      '/breakdown?from=now-3h&group_by=service',
    )
    expect(answer.groups.map((group) => group.labels[0]!.value)).toContainEqual(expect.stringContaining('<script>'))
  })

  it.each([
    '/',
    '/breakdown?group_by=service&group_by=model&group_by=version',
    '/explore?select_low_ns=1',
    '/requests?sort=-total',
    '/compare',
    '/alerts',
    '/setup',
    `/requests/${hostile.trace_id}/${hostile.span_id}`,
    `/requests?filter=${encodeURIComponent('service=' + HOSTILE)}`,
    `/breakdown?filter=${encodeURIComponent(HOSTILE)}&group_by=${encodeURIComponent(HOSTILE)}&sort=${encodeURIComponent(HOSTILE)}`,
    `/compare?a=${encodeURIComponent('service=' + HOSTILE)}&a_from=${encodeURIComponent(HOSTILE)}`,
  ])('is only ever text: %s', async (path) => {
    const page = await open(path + (path.includes('?') ? '&' : '?') + 'from=now-3h&to=now', {
      expected: /status of (400|404|422)/,
    })
    await settled(page)
    expect(await page.locator('#app img, #app script, #app iframe').count()).toBe(0)
    expect(await owned(page)).toBeUndefined()
  })

  it('is shown on the request’s page, whole', async () => {
    const page = await open(`/requests/${hostile.trace_id}/${hostile.span_id}`)
    await page.locator('.waterfall-row[aria-expanded]').first().click()
    await expect.poll(() => page.locator('.span-detail').innerText()).toContain('<script>window.__owned=1</script>')
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('onerror')
    expect(await owned(page)).toBeUndefined()
  })

  it('can be filtered by', async () => {
    const page = await open('/breakdown?group_by=service&from=now-3h&to=now')
    await page
      .getByRole('row')
      .filter({ hasText: 'onerror' })
      .click({ position: { x: 60, y: 12 } })
    await expect.poll(() => page.getByRole('rowheader').count()).toBe(1)
    expect(await page.locator('.chip').innerText()).toContain('<img')
  })
})

describe('the pages', () => {
  it('come with a policy that allows nothing from elsewhere', async () => {
    const response = await fetch(inject('url') + '/')
    const policy = response.headers.get('Content-Security-Policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff')
  })
})

describe('a configured token', () => {
  it('is asked for, kept in the tab, and sent', async () => {
    const token = 'browser-test-token'
    const server = await startServer([`extensions.phaseline.api.token=${token}`], { Authorization: `Bearer ${token}` })
    onTestFinished(server.stop) // after the pages, which go on asking
    const sent = traffic(Date.now(), 20)
    await sendSpans(server, sent.flatMap(spansOf))
    await until('every request is decomposed', 60_000, async () => {
      const answer = await fetch(`${server.url}/api/v1/breakdown?from=now-3h`, {
        headers: { Authorization: `Bearer ${token}` },
      })
      return ((await answer.json()) as { n: number }).n === sent.length
    })
    const page = await open('/breakdown?from=now-3h&to=now', { url: server.url, expected: /status of 401/ })
    const dialog = page.getByRole('dialog', { name: 'Access token' })
    await dialog.waitFor()
    await dialog.getByLabel('Token').fill('wrong')
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await dialog.getByText('refused').waitFor()
    await dialog.getByLabel('Token').fill(token)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await expect.poll(() => dialog.isVisible()).toBe(false)
    await page.getByRole('row').nth(1).waitFor()
    expect(await page.evaluate(() => Object.values(sessionStorage))).toEqual([token])
    expect(await page.evaluate(() => Object.values(localStorage))).toEqual([])
    expect(page.url()).not.toContain(token)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    expect((await download).suggestedFilename()).toBe('breakdown.csv')
  })
})

describe('a server that goes away', () => {
  it('leaves the old picture and is asked again', async () => {
    const page = await open('/breakdown?from=now-3h&to=now', { expected: /Failed to load|503/ })
    await page.getByRole('row').nth(1).waitFor()
    const unavailable = {
      status: 503,
      headers: { 'Retry-After': '1', 'Content-Type': 'application/problem+json' },
      body: JSON.stringify({
        type: 'urn:phaseline:problem:unavailable',
        title: 'Unavailable',
        status: 503,
        detail: 'The store is away.',
      }),
    }
    await page.route('**/api/v1/breakdown*', (route) => route.fulfill(unavailable))
    await page.keyboard.press('r')
    await page.getByRole('alert').getByText('The store is away').waitFor()
    expect(await page.getByRole('row').count()).toBeGreaterThan(1)
    await page.unroute('**/api/v1/breakdown*')
    await expect.poll(() => page.getByRole('alert').count()).toBe(0)
  })
})
