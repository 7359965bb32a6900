// How long pages take until they are useful, on a day of ten million requests
// that are made inside the engine of a real phaseline:
// npm run timings --workspace test/browser

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, it } from 'vitest'
import { settled, useBrowser } from './browser'
import { startServerIn, until, type Server } from './server'

const REQUESTS = Number(process.env['PHASELINE_TIMED_REQUESTS'] ?? 10_000_000)
const INSERTS = 5
const LOADS = 7
const DAY = 86_400_000

const requestsSQL = readFileSync(fileURLToPath(new URL('../../bench/requests.sql', import.meta.url)), 'utf8')
const dir = mkdtempSync(join(tmpdir(), 'pl-')) // short, since it holds a socket
const open = useBrowser()
let server: Server | undefined

beforeAll(async () => {
  // The hours of rows that were there before it are computed by the second start.
  const first = await startServerIn(dir, ['extensions.phaseline.derive.enabled=false'])
  const from = BigInt(Date.now() - DAY) * 1_000_000n
  for (let i = 0; i < INSERTS; i++) await execute(requestsSQL, { from, n: Math.floor(REQUESTS / INSERTS) })
  await first.stop()
  server = await startServerIn(dir)
  await until('the hours are computed', 1_800_000, () =>
    execute("SELECT throwIf(uniqExact(hour) < 23, 'not yet') FROM hours", {}).then(() => true),
  )
}, 2_400_000)

afterAll(async () => {
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** Runs a statement inside the engine, over its private socket. */
function execute(sql: string, values: Record<string, bigint | number>): Promise<void> {
  const folder = readdirSync(dir).find((name) => name.startsWith('phaseline-') && name !== 'phaseline-data')!
  const query = new URLSearchParams({ database: 'phaseline', max_execution_time: '300' })
  for (const [name, value] of Object.entries(values)) query.set(`param_${name}`, String(value))
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath: join(dir, folder, 'engine.sock'), path: `/?${query}`, method: 'POST' },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk))
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`the engine refused: ${text.slice(0, 500)}`)),
        )
      },
    )
    call.on('error', reject)
    call.end(sql)
  })
}

/** What has to be seen before a page is of use. */
const pages: [string, string, string][] = [
  ['setup', '/setup', '.lamp.ok'],
  ['overview, 1 h', '/?from=now-1h&to=now', '.composition .phase-bar'],
  ['overview, 24 h', '/?from=now-24h&to=now', '.composition .phase-bar'],
  ['breakdown, 24 h', '/breakdown?from=now-24h&to=now', 'tr[data-row]'],
  ['explore, 24 h', '/explore?from=now-24h&to=now', '.heatmap canvas'],
  ['requests, 24 h', '/requests?from=now-24h&to=now', 'tr[data-row]'],
  ['compare, 1 h with the hour before', '/compare?from=now-1h&to=now', '.composition'],
]

it('prints the table of docs/performance.md', async () => {
  console.log('| page | first paint | useful | complete |\n|---|---:|---:|---:|')
  for (const [name, path, useful] of pages) {
    const paints: number[] = []
    const uses: number[] = []
    const ends: number[] = []
    // The first load warms up and is not counted.
    for (let i = 0; i <= LOADS; i++) {
      const page = await open(path, { url: server!.url })
      await page.locator(useful).first().waitFor({ timeout: 60_000 })
      // From navigation, by the page's own clock, so that starting a context does not count.
      const now = () => page.evaluate(() => performance.now())
      const use = await now()
      await settled(page)
      const end = (await now()) - 50 // settled looks twice, 50 ms apart
      const paint = await page.evaluate(
        () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      )
      await page.close()
      if (i === 0) continue
      paints.push(paint)
      uses.push(use)
      ends.push(Math.max(use, end))
    }
    console.log(`| ${[name, ...[paints, uses, ends].map((values) => `${median(values)} ms`)].join(' | ')} |`)
  }
}, 600_000)

const median = (values: number[]) => Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!)
