import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A real phaseline on ports of its own, with its data in a folder of its own. */
export interface Server {
  url: string
  otlp: string
  stop: () => Promise<void>
}

/** Starts a phaseline in a temporary folder, which goes with it. */
export async function startServer(settings: string[] = [], headers: Record<string, string> = {}): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'phaseline-browser-'))
  const remove = () => rmSync(dir, { recursive: true, force: true })
  try {
    const server = await startServerIn(dir, settings, headers)
    return { ...server, stop: () => server.stop().finally(remove) }
  } catch (error) {
    remove()
    throw error
  }
}

/** Starts a phaseline in a folder that stays; its temporary files are there, too. */
export async function startServerIn(
  dir: string,
  settings: string[] = [],
  headers: Record<string, string> = {},
): Promise<Server> {
  const binary = process.env['PHASELINE_BIN'] ?? join(root, 'bin/phaseline')
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run make build, or set PHASELINE_BIN`)
  const [grpc, http, api] = [await freePort(), await freePort(), await freePort()]
  const set = [
    `receivers.otlp.protocols.grpc.endpoint=127.0.0.1:${grpc}`,
    `receivers.otlp.protocols.http.endpoint=127.0.0.1:${http}`,
    `extensions.phaseline.api.endpoint=127.0.0.1:${api}`,
    ...settings,
  ]
  const child = spawn(
    binary,
    set.flatMap((value) => ['--set', value]),
    {
      cwd: dir,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PHASELINE_LIBCHDB: join(root, 'node_modules/@chdb/lib-linux-x64-gnu/libchdb.so'),
        ...process.env,
        TMPDIR: dir,
      },
    },
  )
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk))
  const url = `http://127.0.0.1:${api}`
  const stop = () => stopped(child)
  try {
    await until('phaseline is ready', 60_000, async () => {
      if (child.exitCode !== null) throw new Fatal(`phaseline exited with ${child.exitCode}: ${stderr}`)
      return (await fetch(`${url}/readyz`, { headers })).ok
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { url, otlp: `http://127.0.0.1:${http}`, stop }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await exited
  clearTimeout(timer)
}

/** Sends resource spans over OTLP/HTTP, many at a time. */
export async function sendSpans(server: Pick<Server, 'otlp'>, resourceSpans: object[]): Promise<void> {
  const size = 400
  for (let i = 0; i < resourceSpans.length; i += size) {
    const response = await fetch(`${server.otlp}/v1/traces`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ resourceSpans: resourceSpans.slice(i, i + size) }),
    })
    if (!response.ok) throw new Error(`OTLP refused with ${response.status}: ${await response.text()}`)
  }
}

/** Asks the API for JSON. */
export async function api<T>(server: Pick<Server, 'url'>, path: string): Promise<T> {
  const response = await fetch(`${server.url}/api/v1${path}`)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

/** An error that waiting longer cannot mend. */
class Fatal extends Error {}

/** Waits until the condition holds; one that throws does not hold yet. */
export async function until(what: string, limitMs: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + limitMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      if (await condition()) return
    } catch (error) {
      if (error instanceof Fatal) throw error
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what}: not within ${limitMs} ms${last ? `: ${String(last)}` : ''}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
