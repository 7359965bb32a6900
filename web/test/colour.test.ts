import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PHASES } from '../src/phase/parts'

// OKLab after Björn Ottosson; deuteranopia after Machado, Oliveira and Fernandes (2009), severity 1.

type Triple = [number, number, number]

const tokens = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8')

function colour(name: string, theme: 0 | 1): Triple {
  const both = new RegExp(`--${name}: (?:light-dark\\((#\\w{6}), (#\\w{6})\\)|(#\\w{6}));`).exec(tokens)
  if (!both) throw new Error(`--${name} is not in tokens.css`)
  const hex = both[3] ?? both[theme + 1]!
  return [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as Triple
}

function oklab([r, g, b]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

function deuteranopia([r, g, b]: Triple): Triple {
  const clamp = (x: number) => Math.min(1, Math.max(0, x))
  return [
    clamp(0.367322 * r + 0.860646 * g - 0.227968 * b),
    clamp(0.280085 * r + 0.672501 * g + 0.047413 * b),
    clamp(-0.01182 * r + 0.04294 * g + 0.968881 * b),
  ]
}

const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b

function contrast(a: Triple, b: Triple): number {
  const [high, low] = [luminance(a) + 0.05, luminance(b) + 0.05].sort((x, y) => y - x)
  return high! / low!
}

const pairs = PHASES.flatMap((a, i) => PHASES.slice(i + 1).map((b) => [a, b] as const))

describe.each([
  ['light', 0],
  ['dark', 1],
] as const)('the %s theme', (_, theme) => {
  it.each(pairs)('tells %s from %s in greyscale and with deuteranopia', (a, b) => {
    const [first, second] = [colour(a, theme), colour(b, theme)]
    expect(Math.abs(oklab(first)[0] - oklab(second)[0])).toBeGreaterThan(0.08)
    const [d1, d2] = [oklab(deuteranopia(first)), oklab(deuteranopia(second))]
    expect(Math.hypot(d1[0] - d2[0], d1[1] - d2[1], d1[2] - d2[2])).toBeGreaterThan(0.12)
  })

  it('puts the most lightness between neighbours on a bar', () => {
    for (const [a, b] of [
      ['network', 'queue'],
      ['queue', 'prefill'],
      ['prefill', 'decode'],
    ] as const) {
      expect(Math.abs(oklab(colour(a, theme))[0] - oklab(colour(b, theme))[0])).toBeGreaterThan(0.18)
    }
  })

  it('has readable text on every ground', () => {
    for (const ground of ['ground', 'surface', 'sunken']) {
      for (const text of ['ink', 'ink-2', 'ink-3', 'accent']) {
        expect(contrast(colour(text, theme), colour(ground, theme)), `${text} on ${ground}`).toBeGreaterThan(4.5)
      }
    }
    expect(contrast(colour('accent', theme), colour('accent-ground', theme))).toBeGreaterThan(4.5)
    for (const phase of PHASES) {
      expect(contrast(colour(`on-${phase}`, theme), colour(phase, theme)), phase).toBeGreaterThan(4.3)
    }
  })
})
