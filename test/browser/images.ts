// Draws the README's two pictures anew: npm run images --workspace test/browser

import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { settled, useBrowser } from './browser'
import { api, sendSpans, startServer, until } from './server'
import { clientSpan, engineSpan, sequence, type Sent } from './traffic'

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
mkdirSync(folder, { recursive: true })

const open = useBrowser()

const MINUTE = 60_000

interface App {
  service: string
  model: string
  each: number
  /** Typical times in ms. */
  network: number
  queue: number
  prefill: number
  perToken: number
  tokens: number
  /** A hosted model sends no spans of its own. */
  hosted?: boolean
  /** Its queue grows by this factor in the last half hour. */
  trouble?: number
}

const apps: App[] = [
  {
    service: 'chat-api',
    model: 'llama-3.1-8b',
    each: 5200,
    network: 18,
    queue: 14,
    prefill: 120,
    perToken: 11,
    tokens: 160,
    trouble: 14,
  },
  {
    service: 'rag-search',
    model: 'qwen3-32b',
    each: 2100,
    network: 12,
    queue: 9,
    prefill: 290,
    perToken: 19,
    tokens: 110,
  },
  {
    service: 'support-bot',
    model: 'llama-3.3-70b',
    each: 1500,
    network: 34,
    queue: 16,
    prefill: 240,
    perToken: 24,
    tokens: 220,
  },
  {
    service: 'code-assist',
    model: 'gpt-4.1-mini',
    each: 1300,
    network: 40,
    queue: 30,
    prefill: 210,
    perToken: 9,
    tokens: 90,
    hosted: true,
  },
]

/** Two hours of a company whose chat application has been short of capacity for half an hour. */
function story(now: number): object[] {
  const random = sequence(11)
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
  const normal = () => Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(2 * Math.PI * random())
  const around = (typical: number, spread: number) => typical * Math.exp(spread * normal())
  const spans: object[] = []
  for (const app of apps) {
    for (let i = 0; i < app.each; i++) {
      const endMs = now - Math.floor(random() * 120 * MINUTE)
      const minutes = (now - endMs) / MINUTE
      const trouble = app.trouble && minutes < 31 ? app.trouble * Math.min(1, (31 - minutes) / 6) : 0
      const output = Math.max(2, Math.round(around(app.tokens, 0.6)))
      const network = around(app.network, 0.25)
      const queue = around(app.queue, 0.7) + (trouble ? around(app.queue * trouble, 1) * random() : 0)
      const prefill = around(app.prefill, 0.3)
      const decode = around(app.perToken, 0.12) * (output - 1)
      const rest = around(9, 0.3)
      const request: Sent = {
        trace_id: hex(32),
        span_id: hex(16),
        service: app.service,
        model: app.model,
        version: trouble ? '2.4.0' : '2.3.1',
        network,
        queue,
        prefill,
        decode,
        total: network + queue + prefill + decode + rest,
        ttft: network * 0.6 + queue + prefill + rest * 0.7,
        endMs,
      }
      const about = { environment: 'production', input: Math.round(around(900, 0.7)), output }
      spans.push(clientSpan(request, about))
      if (!app.hosted) spans.push(engineSpan(request, about, 3))
    }
  }
  return spans
}

it('draws the overview and a request', async () => {
  const server = await startServer()
  try {
    const now = Date.now()
    const requests = apps.reduce((sum, app) => sum + app.each, 0)
    await sendSpans(server, story(now))
    await until('every request is decomposed', 150_000, async () => {
      const answer = await api<{ n: number }>(server, '/breakdown?from=now-3h')
      const engines = await api<{ n: number }>(server, '/breakdown?from=now-3h&filter=engine%3Dvllm')
      return answer.n === requests && engines.n === requests - apps[3]!.each
    })
    const overview = await open('/', { url: server.url, scale: 2 })
    await overview.locator('.composition .phase-bar').first().waitFor()
    await settled(overview)
    await overview.screenshot({ path: `${folder}overview.png`, fullPage: true })
    expect(await overview.locator('.finding').innerText()).toContain('queue')

    const { requests: slow } = await api<{ requests: { trace_id: string; span_id: string }[] }>(
      server,
      '/requests?sort=-queue&limit=5',
    )
    const request = await open(`/requests/${slow[4]!.trace_id}/${slow[4]!.span_id}`, {
      url: server.url,
      scale: 2,
      theme: 'dark',
    })
    await request.locator('.waterfall').waitFor()
    await settled(request)
    const trace = await request.locator('.panel', { has: request.locator('.waterfall') }).boundingBox()
    const height = Math.ceil(trace!.y + trace!.height) + 16
    await request.screenshot({
      path: `${folder}request.png`,
      fullPage: true,
      clip: { x: 0, y: 0, width: 1280, height },
    })
  } finally {
    await server.stop()
  }
})
