import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import openapiTS, { astToString } from 'openapi-typescript'
import { describe, expect, it } from 'vitest'

/** Ways in which text could become markup or code. */
const ESCAPES = [
  'innerHTML',
  'outerHTML',
  'insertAdjacentHTML',
  'dangerouslySetInnerHTML',
  'document.write',
  'eval(',
  'new Function',
  'createContextualFragment',
]

const root = new URL('..', import.meta.url)

describe('the generated client', () => {
  it('is that of the specification', async () => {
    const generated = astToString(await openapiTS(new URL('../api/openapi.yaml', root)))
    const committed = readFileSync(new URL('src/api/schema.d.ts', root), 'utf8')
    // The command line tool puts a comment in front.
    expect(committed.endsWith(generated), 'src/api/schema.d.ts is out of date: npm run generate --workspace web').toBe(
      true,
    )
  })
})

it('writes text as text only, in every source file', () => {
  const sources = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?<!\.d)\.tsx?$/.test(name),
  )
  expect(sources.length).toBeGreaterThan(20)
  for (const name of sources) {
    const text = readFileSync(new URL(`src/${name}`, root), 'utf8')
    for (const escape of ESCAPES) expect(text.includes(escape), `${escape} in ${name}`).toBe(false)
  }
})

const assets = new URL('dist/assets/', root)

describe.skipIf(!existsSync(fileURLToPath(assets)))('the built UI', () => {
  const LIMIT = 150_000

  it(`has at most ${LIMIT} bytes of script and style, gzipped`, () => {
    const files = readdirSync(assets).filter((name) => /\.(js|css)$/.test(name))
    const size = files.reduce((total, name) => total + gzipSync(readFileSync(new URL(name, assets))).length, 0)
    console.log(`script and style: ${size} bytes gzipped`)
    expect(files.length).toBeGreaterThan(1)
    expect(size).toBeLessThanOrEqual(LIMIT)
  })

  it('needs no exception from the Content-Security-Policy', () => {
    const page = readFileSync(new URL('dist/index.html', root), 'utf8')
    expect(page).not.toMatch(/<style|<script(?![^>]*\ssrc=)|\son\w+=|style=/)
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//)
    for (const name of readdirSync(assets).filter((file) => file.endsWith('.css'))) {
      expect(readFileSync(new URL(name, assets), 'utf8')).not.toMatch(/url\((?!["']?\/assets\/)/)
    }
  })
})
