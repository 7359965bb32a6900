import type { TestProject } from 'vitest/node'
import { api, sendSpans, startServer, until } from './server'
import { hostileSpans, spansOf, traffic, type Sent } from './traffic'

declare module 'vitest' {
  interface ProvidedContext {
    url: string
    otlp: string
    sent: Sent[]
    /** When the traffic ends, in ms since the epoch. */
    now: number
  }
}

const EACH = 1500

/** Starts one phaseline for all files and fills it with known traffic. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer()
  try {
    const now = Date.now()
    const sent = traffic(now, EACH)
    await sendSpans(server, [...sent.flatMap(spansOf), ...hostileSpans(now).resourceSpans])
    await until('every request is decomposed', 90_000, async () => {
      const answer = await api<{ n: number; coverage: { queue: number | null } }>(
        server,
        '/breakdown?from=now-3h&filter=environment%3Dtest',
      )
      return answer.n === sent.length && answer.coverage.queue === 1
    })
    project.provide('url', server.url)
    project.provide('otlp', server.otlp)
    project.provide('sent', sent)
    project.provide('now', now)
  } catch (error) {
    await server.stop()
    throw error
  }
  return server.stop
}
