import { describe, expect, inject, it } from 'vitest'
import { question, settled, useBrowser } from './browser'

const open = useBrowser()
const end = Math.floor(inject('now') / 1000) * 1000
const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z/, 'Z')

describe('the address', () => {
  it.each([
    '/?from=now-3h&to=now&metric=total&filter=service=chat-api',
    '/breakdown?from=now-6h&to=now&group_by=service&group_by=version&show=queue&sort=-queue.p99&bars=ttft',
    '/breakdown?q=p50&filter=model!=x&filter=service=~chat.*',
    `/explore?from=now-3h&to=now&metric=queue&select_low_ns=100000000&select_high_ns=3000000000`,
    '/requests?sort=-queue&filter=outcome=ok',
    '/compare?metric=total&a_from=now-3h&a_to=now-2h&filter=environment=test',
    '/setup?with=LiteLLM',
  ])('holds all of the view: %s', async (path) => {
    const page = await open(path)
    await settled(page)
    const seen = await page.locator('main').getByRole('button', { pressed: true }).allInnerTexts()
    const asked = question(page)
    const parts = new URL(path, 'http://x')
    expect(new URL(page.url()).pathname).toBe(parts.pathname)
    for (const pair of parts.searchParams) expect(asked).toContainEqual(pair)
    await page.reload()
    await settled(page)
    expect(await page.locator('main').getByRole('button', { pressed: true }).allInnerTexts()).toEqual(seen)
    expect(question(page)).toEqual(asked)
  })

  it('takes the range and the filters from page to page, and back again', async () => {
    const page = await open('/breakdown?from=now-3h&to=now&filter=service=chat-api&show=ttft')
    await page.getByRole('link', { name: 'Requests', exact: true }).click()
    await page.getByRole('heading', { name: 'Requests', level: 1 }).waitFor()
    expect(question(page)).toEqual([
      ['filter', 'service=chat-api'],
      ['from', 'now-3h'],
      ['to', 'now'],
    ])
    await page.goBack()
    await page.getByRole('heading', { name: 'Breakdown', level: 1 }).waitFor()
    expect(question(page)).toContainEqual(['show', 'ttft'])
    await page.goForward()
    await page.getByRole('heading', { name: 'Requests', level: 1 }).waitFor()
  })

  it('names the parameter that is wrong, and leads out', async () => {
    const page = await open('/breakdown?from=yesterday&to=now', { expected: /400/ })
    const problem = page.getByRole('alert')
    await expect.poll(() => problem.innerText()).toContain('from')
    await problem.getByRole('button', { name: 'Back to the last hour' }).click()
    await expect.poll(() => problem.count()).toBe(0)
    await page.getByRole('row').first().waitFor()
  })

  it('says so when there is no such page or request', async () => {
    const page = await open('/nowhere')
    await page.getByText('There is no such page').waitFor()
    const missing = await open(`/requests/${'0'.repeat(31)}1/${'0'.repeat(15)}1`, { expected: /404/ })
    await missing.getByRole('alert').waitFor()
  })

  it('says what to do when nothing matches', async () => {
    const page = await open('/breakdown?filter=service=nobody')
    await page.getByText('No request in this range matches').waitFor()
    await page.getByRole('button', { name: 'Remove the filters' }).click()
    await expect.poll(() => page.getByRole('row').count()).toBeGreaterThan(1)
  })
})

describe('the time picker', () => {
  it('takes a relative range, a local time, and refuses nonsense', async () => {
    const page = await open('/breakdown')
    await page.getByRole('button', { name: 'last 1 h' }).click()
    await page.getByRole('button', { name: '6 h', exact: true }).click()
    await expect.poll(() => question(page)).toContainEqual(['from', 'now-6h'])
    await page.keyboard.press('t')
    await page.getByLabel('From').fill('soon')
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await page.getByText('Write now, now-90m').waitFor()
    await page.getByLabel('From').fill('now-90m')
    await page.getByLabel('To', { exact: true }).press('Enter')
    await expect.poll(() => question(page)).toContainEqual(['from', 'now-90m'])
    expect(await page.getByRole('dialog', { name: 'Time range' }).count()).toBe(0)
  })

  it('steps earlier and zooms out', async () => {
    const page = await open(`/breakdown?from=${iso(end - 600e3)}&to=${iso(end)}`)
    await page.getByRole('button', { name: 'Earlier' }).click()
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).toBe(iso(end - 1200e3))
    await page.getByRole('button', { name: 'Zoom out' }).click()
    await expect
      .poll(() => {
        const params = new URL(page.url()).searchParams
        return Date.parse(params.get('to')!) - Date.parse(params.get('from')!)
      })
      .toBe(1800e3)
  })
})

describe('filters', () => {
  it('are completed from the data, edited, and removed', async () => {
    const page = await open('/breakdown?from=now-3h&to=now')
    await page.keyboard.press('/')
    await page.keyboard.type('serv')
    await expect
      .poll(() => page.locator('#filter-suggestions').getByRole('option').allInnerTexts())
      .toContainEqual(expect.stringContaining('service='))
    await page.getByRole('combobox', { name: 'Add a filter' }).fill('service=chat')
    await expect
      .poll(() => page.locator('#filter-suggestions').getByRole('option').allInnerTexts())
      .toEqual([expect.stringContaining('service=chat-api')])
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await expect.poll(() => question(page)).toContainEqual(['filter', 'service=chat-api'])
    await page.keyboard.press('Backspace')
    await expect.poll(() => page.getByRole('combobox', { name: 'Add a filter' }).inputValue()).toBe('service=chat-api')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Remove filter service=chat-api' }).click()
    await expect.poll(() => question(page).some(([name]) => name === 'filter')).toBe(false)
  })
})

describe('keys', () => {
  it('go from page to page', async () => {
    const page = await open('/setup')
    for (const [key, name] of [
      ['o', 'Overview'],
      ['b', 'Breakdown'],
      ['e', 'Explore'],
      ['r', 'Requests'],
      ['c', 'Compare'],
      ['a', 'Alerts'],
      ['s', 'Setup'],
    ] as const) {
      await page.keyboard.press('g')
      await page.keyboard.press(key)
      await page.getByRole('heading', { name, level: 1 }).waitFor()
    }
  })

  it('open help, and Esc closes it', async () => {
    const page = await open('/setup')
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Help' })
    await help.waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => help.isVisible()).toBe(false)
    await page.keyboard.press('?')
    await expect.poll(() => help.isVisible()).toBe(true)
  })

  it('do nothing while one types', async () => {
    const page = await open('/breakdown')
    await page.keyboard.press('/')
    await page.keyboard.type('gb?t')
    expect(await page.getByRole('combobox', { name: 'Add a filter' }).inputValue()).toBe('gb?t')
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  it('move in a list and open a row', async () => {
    const page = await open('/requests?from=now-3h&to=now')
    await page.getByRole('row').nth(1).focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('j')
    await page.keyboard.press('k')
    await expect
      .poll(() =>
        page
          .getByRole('row')
          .nth(2)
          .evaluate((row) => row === document.activeElement),
      )
      .toBe(true)
    await page.keyboard.press('End')
    await page.keyboard.press('Home')
    await expect
      .poll(() =>
        page
          .getByRole('row')
          .nth(1)
          .evaluate((row) => row === document.activeElement),
      )
      .toBe(true)
    await page.keyboard.press('Enter')
    await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/requests\/[0-9a-f]{32}\/[0-9a-f]{16}$/)
  })
})

describe('keys that a page has no use for', () => {
  it('open nothing later', async () => {
    const page = await open('/setup')
    await page.getByRole('heading', { name: 'Setup', level: 1 }).waitFor()
    await page.keyboard.press('t')
    await page.keyboard.press('g')
    await page.keyboard.press('b')
    await page.getByRole('heading', { name: 'Breakdown', level: 1 }).waitFor()
    expect(await page.getByRole('dialog', { name: 'Time range' }).count()).toBe(0)
  })
})

describe('live mode', () => {
  it('asks again by itself, but not while the pointer is on data', async () => {
    const page = await open('/breakdown?from=now-3h&to=now')
    await page.getByRole('row').nth(1).waitFor()
    let asked = 0
    page.on('request', (request) => request.url().includes('/api/v1/breakdown') && asked++)
    await page.getByRole('row').nth(1).hover()
    await page.evaluate(() => document.querySelector<HTMLButtonElement>('.live')!.click())
    await expect.poll(() => page.locator('.live').innerText()).toBe('held')
    expect(asked).toBe(0)
    await page.mouse.move(640, 880)
    await expect.poll(() => asked).toBeGreaterThan(0)
    expect(question(page)).toContainEqual(['live', '1'])
  })
})

describe('the theme', () => {
  it('follows the system, can be chosen, and is kept', async () => {
    const page = await open('/setup', { theme: 'dark' })
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const dark = await ground()
    await page.getByRole('button', { name: /^Theme/ }).click()
    await expect.poll(ground).not.toBe(dark)
    await page.reload()
    await expect.poll(ground).not.toBe(dark)
  })
})
