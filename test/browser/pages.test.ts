import { describe, expect, inject, it, onTestFinished } from 'vitest'
import type { Page } from 'playwright-core'
import { question, settled, useBrowser } from './browser'
import { sendSpans, startServer } from './server'
import { spansOf, traffic, type Sent } from './traffic'

const open = useBrowser()
const sent = inject('sent')
const now = inject('now')

/** Requests of the last hour of the traffic, as a page with this range shows them. */
const hour = `from=${new Date(now - 3600e3).toISOString()}&to=${new Date(now).toISOString()}&filter=environment=test`
const inHour = sent.filter((request) => request.endMs >= now - 3600e3 && request.endMs < now)

/** Element floor(q·n), 0-based, of the sorted values. */
function quantile(requests: Sent[], metric: 'ttft' | 'queue' | 'total', q: number): number {
  const values = requests.map((request) => request[metric]).sort((a, b) => a - b)
  return values[Math.floor(q * values.length)]!
}

/** As the UI writes durations from 1 ms to 10 s. */
const written = (ms: number) => (ms >= 999.5 ? `${(ms / 1000).toPrecision(3)} s` : `${ms.toPrecision(3)} ms`)

const row = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: false }) })

describe('Breakdown', () => {
  it('shows the percentiles of what was sent', async () => {
    const page = await open(`/breakdown?${hour}&show=ttft`)
    for (const service of ['chat-api', 'agent-planner']) {
      const mine = inHour.filter((request) => request.service === service)
      const cells = () => row(page, service).first().getByRole('cell').allInnerTexts()
      await expect.poll(cells).toContain(mine.length.toLocaleString('en-US'))
      expect(await cells()).toContain(written(quantile(mine, 'ttft', 0.5)))
      expect(await cells()).toContain(written(quantile(mine, 'ttft', 0.95)))
    }
  })

  it('orders by a column, filters by a click, compares by a shift-click', async () => {
    const page = await open(`/breakdown?${hour}&group_by=service`)
    await page.getByRole('button', { name: 'Queue', exact: true }).nth(1).click()
    await expect.poll(() => page.getByRole('rowheader').first().innerText()).toContain('chat-api')
    expect(question(page)).toContainEqual(['sort', '-queue.p95'])
    await row(page, 'agent-planner').click({ position: { x: 200, y: 10 } })
    await expect.poll(() => question(page)).toContainEqual(['filter', 'service=agent-planner'])
    await expect.poll(() => page.getByRole('rowheader').count()).toBe(1)
    await page.goBack()
    await row(page, 'chat-api').click({ position: { x: 200, y: 10 }, modifiers: ['Shift'] })
    await page.getByRole('heading', { name: 'Compare', level: 1 }).waitFor()
    expect(question(page)).toContainEqual(['b', 'service=chat-api'])
  })

  it('opens every percentile of every phase', async () => {
    const page = await open(`/breakdown?${hour}&group_by=service`)
    await row(page, 'chat-api').getByRole('button').click()
    const mine = inHour.filter((request) => request.service === 'chat-api')
    await expect.poll(() => row(page, 'Queue').last().innerText()).toContain(written(quantile(mine, 'queue', 0.9)))
  })

  it('gives the table as CSV', async () => {
    const page = await open(`/breakdown?${hour}`)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    const stream = await (await download).createReadStream()
    let text = ''
    for await (const chunk of stream) text += chunk
    expect(text.split('\n')[0]).toContain('_ns')
    expect(text).toContain('chat-api')
  })
})

describe('Overview', () => {
  it('says what the slow requests are made of, since when, and for whom', async () => {
    const page = await open(`/?${hour}`)
    const picture = page.locator('figure.composition')
    await picture.waitFor()
    await expect.poll(() => picture.locator('.finding').innerText()).toMatch(/queue/i)
    expect(await picture.locator('.composition-value').allInnerTexts()).toContain(
      written(quantile(inHour, 'ttft', 0.5)),
    )
    expect(await page.locator('.chart canvas').count()).toBe(3)
    const changed = page.locator('section', { has: page.getByRole('heading', { name: /changed most/ }) }).last()
    await expect.poll(() => changed.getByRole('rowheader').first().innerText()).toMatch(/^chat-api\s/)
    await expect.poll(() => changed.getByRole('row').nth(1).innerText()).toMatch(/queue\s+\+/)
  })

  it('leads to the compare page, and from there to a request that proves it', async () => {
    const page = await open(`/?${hour}`)
    const changed = page.locator('section', { has: page.getByRole('heading', { name: /changed most/ }) }).last()
    await changed.getByRole('link', { name: 'chat-api' }).click()
    await page.getByRole('heading', { name: 'Compare', level: 1 }).waitFor()
    await page.locator('.composition-value a').last().click()
    await page.getByRole('heading', { name: 'Requests', level: 1 }).waitFor()
    expect(question(page)).toContainEqual(['filter', 'service=chat-api'])
    await page.getByRole('row').nth(1).click()
    await expect.poll(() => row(page, 'queue').first().innerText()).toContain('gen_ai.latency.time_in_queue')
  })

  it('says what fires where nothing arrives', async () => {
    const page = await open('/setup')
    const firing = await page.evaluate(() => fetch('/api/v1/alerts?state=firing').then((answer) => answer.json()))
    const alert = {
      rule: 'silence',
      fingerprint: 'f',
      group: {},
      since: new Date(now).toISOString(),
      last: { reason: 'no request arrives' },
    }
    await page.route('**/api/v1/alerts?state=firing', (route) =>
      route.fulfill({ json: { ...firing, alerts: [alert] } }),
    )
    await page.goto(`${inject('url')}/?filter=service=nobody`)
    await page.getByText('No request in this range matches').waitFor()
    await page.getByRole('list', { name: 'Firing alerts' }).getByText('no request arrives').waitFor()
  })

  it('adds the parts of every bar up to its length', async () => {
    const page = await open(`/?${hour}&metric=total`)
    await page.locator('.composition .phase-bar').first().waitFor()
    const gaps = await page.locator('.composition .phase-bar').evaluateAll((bars) =>
      bars.map((bar) => {
        const boxes = [...bar.children].map((child) => child.getBoundingClientRect())
        return Math.max(0, ...boxes.slice(1).map((box, i) => Math.abs(box.left - boxes[i]!.right)))
      }),
    )
    expect(gaps).toHaveLength(3)
    expect(Math.max(...gaps)).toBeLessThan(0.5)
  })

  it('zooms by dragging and goes back by a double-click', async () => {
    const page = await open(`/?${hour}`)
    const chart = page.locator('.chart .u-over').first()
    await chart.waitFor()
    await settled(page)
    const box = (await chart.boundingBox())!
    const before = question(page)
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => question(page)).not.toEqual(before)
    const [from, to] = ['from', 'to'].map((name) => Date.parse(new URL(page.url()).searchParams.get(name)!))
    expect((to! - from!) / 60e3).toBeCloseTo(15, 0)
    await settled(page)
    await page.locator('.chart .u-over').first().dblclick()
    await expect.poll(() => question(page)).toEqual(before)
  })

  it('links the cursors of its charts', async () => {
    const page = await open(`/?${hour}`)
    await page
      .locator('.chart .u-over')
      .first()
      .hover({ position: { x: 200, y: 40 } })
    await expect.poll(async () => new Set(await page.locator('.legend-row .at').allInnerTexts()).size).toBe(1)
    expect(await page.locator('.legend-row .at').first().innerText()).not.toContain('latest')
  })
})

describe('Explore', () => {
  it('says what is different about a rectangle', async () => {
    const page = await open(`/explore?${hour}`)
    const over = page.locator('.heatmap .u-over')
    await over.waitFor()
    await settled(page)
    const box = (await over.boundingBox())!
    await page.mouse.move(box.x + box.width * 0.55, box.y + 5)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.98, box.y + box.height * 0.45, { steps: 4 })
    await page.mouse.up()
    const different = page.locator('.panel', {
      has: page.getByRole('heading', { name: 'What is different about them' }),
    })
    await expect
      .poll(() => different.getByRole('row').allInnerTexts())
      .toContainEqual(expect.stringMatching(/^version\s+1\.8\.0/))
    await expect
      .poll(() => page.getByRole('table', { name: 'Requests', exact: true }).getByRole('row').count())
      .toBeGreaterThan(1)
    await page.reload()
    await expect.poll(() => different.innerText()).toContain('1.8.0')
    await page.keyboard.press('Escape')
    await expect.poll(() => different.count()).toBe(0)
  })

  it('selects the slowest without a pointer', async () => {
    const page = await open(`/explore?${hour}`)
    await page.getByRole('button', { name: 'Slowest 5 %' }).press('Enter')
    await expect
      .poll(() => page.getByRole('row').allInnerTexts())
      .toContainEqual(expect.stringMatching(/^service\s+chat-api/))
  })
})

describe('Capacity', () => {
  it('shows a duration against requests in flight, and leads to a step', async () => {
    const page = await open(`/explore?${hour}&metric=queue`)
    const dots = page.locator('.scatter .dot-1')
    await expect.poll(() => dots.count()).toBeGreaterThan(20)
    const dot = (await dots.first().boundingBox())!
    await page.mouse.move(dot.x + dot.width / 2 + 2, dot.y + dot.height / 2)
    const figure = page.locator('figure', { has: page.locator('.scatter') })
    await expect.poll(() => figure.locator('.legend-row').innerText()).toMatch(/p95 of a step\s+[\d.]+ m?s/)
    expect(await figure.locator('.legend-row').innerText()).toMatch(/in flight\s+[\d.]+/)
    const before = question(page)
    await page.mouse.down()
    await page.mouse.up()
    await expect.poll(() => question(page)).not.toEqual(before)
  })
})

describe('Requests', () => {
  it('finds the slowest and proves it', async () => {
    const slowest = inHour.filter((request) => request.service === 'chat-api').sort((a, b) => b.ttft - a.ttft)[0]!
    const page = await open(`/requests?${hour}&filter=service=chat-api`)
    await page.getByRole('button', { name: 'TTFT' }).click()
    const first = page.getByRole('row').nth(1)
    await expect.poll(() => first.innerText()).toContain(written(slowest.ttft))
    await first.click()
    await page.getByRole('heading', { name: slowest.model }).waitFor()
    for (const [part, ms, provenance] of [
      ['network', slowest.network, 'derived'],
      ['queue', slowest.queue, 'measured'],
      ['prefill', slowest.prefill, 'measured'],
      ['decode', slowest.decode, 'measured'],
      ['total', slowest.total, ''],
    ] as const) {
      const text = await row(page, part).first().innerText()
      expect(text).toContain(written(ms))
      expect(text).toContain(provenance)
    }
    expect(await row(page, 'queue').first().innerText()).toContain('gen_ai.latency.time_in_queue')
    await expect.poll(() => page.locator('.waterfall .lane').count()).toBe(2)
    expect(await page.locator('.span-bar.evidence').count()).toBe(2)
    await page.locator('.waterfall-row', { hasText: 'llm_request' }).click()
    await expect.poll(() => page.locator('.span-detail').innerText()).toContain('gen_ai.latency.time_in_model_prefill')
  })

  it('goes to the neighbours and back', async () => {
    const page = await open(`/requests?${hour}`)
    await page.getByRole('row').nth(5).click()
    await page.locator('.waterfall').waitFor()
    const here = page.url()
    await page.getByRole('link', { name: '‹ earlier' }).click()
    await expect.poll(() => page.url()).not.toBe(here)
    await page.goBack()
    await expect.poll(() => page.url()).toBe(here)
  })
})

describe('Compare', () => {
  it('says which phase owns a difference between two windows', async () => {
    const at = (minutes: number) => new Date(now - minutes * 60e3).toISOString()
    const page = await open(
      `/compare?from=${at(29)}&to=${at(0)}&a_from=${at(70)}&a_to=${at(41)}&filter=service=chat-api`,
    )
    await expect.poll(() => page.locator('.finding').innerText()).toMatch(/queue owns it/)
    expect(await page.locator('.composition .phase-bar').count()).toBeGreaterThanOrEqual(4)
    const mean = await row(page, 'mean').first().innerText()
    expect(mean).toMatch(/queue/)
    await page.getByRole('heading', { name: 'Mix of work' }).waitFor()
  })

  it('compares two values of a dimension in one link', async () => {
    const page = await open(`/compare?${hour}`)
    await settled(page)
    await page.getByLabel('Dimension that tells A from B').selectOption('service')
    await page.getByLabel('Value of A').selectOption('agent-planner')
    await page.getByLabel('Value of B').selectOption('chat-api')
    await expect.poll(() => question(page)).toContainEqual(['b', 'service=chat-api'])
    await settled(page)
    await expect.poll(() => page.locator('.finding').innerText()).toMatch(/queue/)
    const link = page.url()
    const other = await open(link.slice(inject('url').length))
    await expect.poll(() => other.locator('.finding').innerText()).toBe(await page.locator('.finding').innerText())
  })
})

describe('Alerts', () => {
  it('adds a rule after a replay, says why it did not fire, and removes it', async () => {
    const page = await open('/alerts', { expected: /status of 400/ })
    page.on('dialog', (dialog) => dialog.accept())
    await page.getByRole('heading', { name: /History/ }).waitFor()
    await page.getByRole('button', { name: 'New rule' }).click()
    const editor = page.getByRole('dialog', { name: 'New rule' })
    const text = editor.getByLabel('Rule as JSON')
    const rule = {
      name: 'slow_total',
      kind: 'threshold',
      metric: 'total',
      quantile: 0.95,
      group_by: ['service'],
      above: '1m',
    }
    await text.fill(JSON.stringify({ ...rule, quantile: 7 }))
    await editor.getByRole('button', { name: 'Save' }).click()
    await editor.getByRole('alert').getByText('quantile').first().waitFor()
    await text.fill(JSON.stringify(rule))
    await editor.getByRole('button', { name: 'When would it have fired?' }).click()
    await editor.getByText(/It would (not )?have fired/).waitFor()
    await editor.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => row(page, 'slow_total').innerText()).toContain('p95 Total is above 1 m')
    await row(page, 'slow_total').getByRole('button', { name: 'Why?' }).click()
    await page.getByRole('heading', { name: 'Why slow_total fired, or did not' }).waitFor()
    expect(question(page)).toContainEqual(['rule', 'slow_total'])
    await row(page, 'slow_total').getByRole('button', { name: 'Remove' }).click()
    await expect.poll(() => row(page, 'slow_total').count()).toBe(0)
  })
})

describe('Setup', () => {
  it('waits for the first span, and turns green when it is there', async () => {
    const server = await startServer()
    onTestFinished(server.stop) // after the pages, which go on asking
    const page = await open('/setup', { url: server.url })
    const overview = await open('/', { url: server.url })
    await overview.getByText('No request ended in this range').waitFor()
    await page.getByText('Waiting for the first span').waitFor()
    const lamp = (await page.locator('.lamp.waiting').boundingBox())!
    expect([lamp.width, lamp.height]).toEqual([8, 8])
    await sendSpans(server, traffic(Date.now(), 4).flatMap(spansOf))
    await page.getByText('Receiving').waitFor()
    await page.locator('.lamp.ok').waitFor()
    await overview.locator('.composition').waitFor()
    await page.getByRole('link', { name: 'See it decomposed' }).click()
    await expect.poll(() => page.locator('tr[data-row] .segment.queue').count()).toBeGreaterThan(0)
  })

  it('says that traces arrive, what they tell, and how to send more', async () => {
    const page = await open('/setup')
    await page.getByText('Receiving').waitFor()
    await expect.poll(() => row(page, 'chat-api').innerText()).toContain('100 %')
    await page.getByRole('button', { name: 'vLLM' }).click()
    const text = await page.locator('.code pre').innerText()
    expect(text).toContain(new URL(inject('url')).hostname)
    expect(text).toContain('--otlp-traces-endpoint')
    expect(question(page)).toContainEqual(['with', 'vLLM'])
  })
})
