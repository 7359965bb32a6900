import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest'

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Look {
  width?: number
  height?: number
  theme?: 'light' | 'dark'
  /** Device pixels for each pixel of the page. */
  scale?: number
}

export interface Visit extends Look {
  /** Another server than the one of all files. */
  url?: string
  /** Console errors that the test expects. */
  expected?: RegExp
}

/**
 * Gives a file its Chromium and a function that opens pages. A test fails by
 * itself when its page logs an error, breaks the Content-Security-Policy, asks
 * another host for anything, or runs hostile text.
 */
export function useBrowser(): (path: string, visit?: Visit) => Promise<Page> {
  let browser: Browser
  let contexts: BrowserContext[] = []
  let faults: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ARGUMENTS })
  })
  afterAll(() => browser?.close())
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()))
    const found = faults
    contexts = []
    faults = []
    expect(found).toEqual([])
  })

  return async (path, { url: given, width = 1280, height = 900, theme = 'light', scale = 1, expected } = {}) => {
    const url = given ?? inject('url')
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      deviceScaleFactor: scale,
    })
    contexts.push(context)
    const page = await context.newPage()
    const fault = (text: string) => {
      if (!expected?.test(text)) faults.push(`${text} on ${page.url()}`)
    }
    page.on(
      'console',
      (message) => message.type() === 'error' && fault(`console: ${message.text()} (${message.location().url})`),
    )
    page.on('pageerror', (error) => fault(`exception: ${error.message}`))
    page.on('request', (request) => {
      const address = new URL(request.url())
      if (address.origin !== url && address.protocol !== 'blob:') fault(`request to ${address.origin}`)
    })
    await page.exposeFunction('reportFault', fault)
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        ;(window as unknown as { reportFault: (text: string) => void }).reportFault(
          `policy: ${event.violatedDirective} ${event.blockedURI}`,
        )
      })
    })
    await page.goto(url + path)
    return page
  }
}

/** Waits until no question is on its way. */
export async function settled(page: Page): Promise<void> {
  await page.locator('.progress:not(.busy)').waitFor({ state: 'attached', timeout: 30_000 })
  await page.waitForTimeout(50)
  await page.locator('.progress:not(.busy)').waitFor({ state: 'attached', timeout: 30_000 })
}

/** What the page's address asks, sorted. */
export function question(page: Page): [string, string][] {
  return [...new URL(page.url()).searchParams].sort((a, b) => a.join('=').localeCompare(b.join('=')))
}
