import type { components, paths } from './schema'

export type Schemas = components['schemas']

type GetPaths = {
  [P in keyof paths]: paths[P] extends { get: unknown } ? P : never
}[keyof paths]

type Get<P extends GetPaths> = paths[P] extends { get: infer Operation } ? Operation : never
type Query<P extends GetPaths> = Get<P> extends { parameters: { query?: infer Q } } ? Q : never
type PathParameters<P extends GetPaths> =
  Get<P> extends { parameters: { path: infer Path } } ? Path : Record<string, never>
type Answer<P extends GetPaths> =
  Get<P> extends { responses: { 200: { content: { 'application/json': infer Body } } } } ? Body : never

/** A question to the API: the path in the spec, and its parameters. */
export interface Question<P extends GetPaths> {
  path: P
  query?: Query<P>
  params?: PathParameters<P>
}

export type AnswerTo<P extends GetPaths> = Answer<P>
export type { GetPaths }

/** A problem document (RFC 9457), or what stands for one when the server is not there. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly parameter = '',
    readonly allowed = '',
    /** Seconds after which asking again makes sense; null if it does not. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail)
  }
}

const tokenKey = 'phaseline.token'

/** The bearer token, kept for this tab only. */
export function token(): string {
  return sessionStorage.getItem(tokenKey) ?? ''
}

export function setToken(value: string): void {
  sessionStorage.setItem(tokenKey, value)
}

/** The address of a question, also for downloads and links. */
export function address<P extends GetPaths>({ path, query, params }: Question<P>): string {
  let target: string = path
  for (const [name, value] of Object.entries(params ?? {})) {
    target = target.replace(`{${name}}`, encodeURIComponent(String(value)))
  }
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value == null || value === '') continue
    if (name === 'quantiles') search.set(name, (value as number[]).join(','))
    else if (Array.isArray(value)) for (const item of value) search.append(name, String(item))
    else search.set(name, String(value))
  }
  const text = search.toString()
  return `/api/v1${target}${text ? '?' + text : ''}`
}

/** Asks the API. Throws a Problem, or the signal's AbortError. */
export async function ask<P extends GetPaths>(question: Question<P>, signal?: AbortSignal): Promise<Answer<P>> {
  return (await fetchJSON(address(question), { signal: signal ?? null })) as Answer<P>
}

/** Writes to the API; the body is JSON. */
export async function send(method: 'POST' | 'PUT' | 'DELETE', target: string, body?: unknown): Promise<unknown> {
  return fetchJSON(`/api/v1${target}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
  })
}

/** The body of a question as a file for the user; a link could not carry the token. */
export async function download(target: string): Promise<Blob> {
  return (await request(target, {})).blob()
}

async function fetchJSON(target: string, init: RequestInit): Promise<unknown> {
  const response = await request(target, init)
  return response.status === 204 ? null : response.json()
}

async function request(target: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  if (token()) headers.set('Authorization', `Bearer ${token()}`)
  let response: Response
  try {
    response = await fetch(target, { ...init, headers, credentials: 'omit' })
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error
    throw new Problem(
      0,
      'No answer',
      'Phaseline does not answer. Is it running, and does the network reach it?',
      '',
      '',
      5,
    )
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

async function problemOf(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get('Retry-After'))
  const retryAfter = response.status === 503 ? Math.min(30, Math.max(1, retry || 5)) : null
  if (response.headers.get('Content-Type')?.includes('json')) {
    const body = (await response.json().catch(() => ({}))) as Partial<Schemas['Problem']>
    const title = body.title ?? response.statusText
    return new Problem(
      response.status,
      title,
      body.detail ?? title,
      body.parameter,
      body.allowed?.join(', '),
      retryAfter,
    )
  }
  return new Problem(
    response.status,
    `HTTP ${response.status}`,
    `The server answered ${response.status} ${response.statusText}.`,
    '',
    '',
    retryAfter,
  )
}
