// How long pages take until they are useful, against a server that runs already:
// PHASELINE_URL=http://127.0.0.1:8321 npm run timings --workspace test/browser

import { it } from 'vitest'
import { settled, useBrowser } from './browser'

const url = process.env['PHASELINE_URL'] ?? 'http://127.0.0.1:8321'
const range = process.env['PHASELINE_RANGE'] ?? 'from=now-24h&to=now'
const LOADS = 7

const open = useBrowser()

/** What has to be seen before a page is of use. */
const pages: [string, string, string][] = [
  ['shell', '/setup', 'header nav'],
  ['overview', `/?${range}`, '.composition .phase-bar'],
  ['breakdown', `/breakdown?${range}`, 'tr[data-row]'],
  ['explore', `/explore?${range}`, '.heatmap canvas'],
  ['requests', `/requests?${range}`, 'tr[data-row]'],
  ['compare', `/compare?${range}`, '.composition'],
]

it.each(pages)('%s', async (name, path, useful) => {
  const paints: number[] = []
  const all: number[] = []
  for (let i = 0; i < LOADS; i++) {
    const page = await open(path, { url })
    await page.locator(useful).first().waitFor({ timeout: 60_000 })
    // From navigation, by the page's own clock, so that starting a context does not count.
    paints.push(await page.evaluate(() => performance.now()))
    await settled(page)
    all.push(await page.evaluate(() => performance.now()))
    await page.close()
  }
  const median = (values: number[]) => Math.round([...values].sort((a, b) => a - b)[Math.floor(LOADS / 2)]!)
  console.log(`${name}: useful after ${median(paints)} ms, complete after ${median(all)} ms (median of ${LOADS})`)
})
