import { describe, expect, it } from 'vitest'
import { duration, exactDuration, interval, plusMinus, unitOf } from '../src/format/duration'
import { change, count, percent, rate, requests, sentence, signed, significant } from '../src/format/number'
import { durationTicks, logTicks, niceStep, ticksWithin } from '../src/format/ticks'

describe('duration', () => {
  it.each([
    [null, '–'],
    [undefined, '–'],
    [0, '0 ms'],
    [7, '7 ns'],
    [999, '999 ns'],
    [1_000, '1.00 µs'],
    [999_499, '999 µs'],
    [999_600, '1.00 ms'],
    [1_500_000, '1.50 ms'],
    [17_000_000, '17.0 ms'],
    [182_000_000, '182 ms'],
    [999_499_999, '999 ms'],
    [999_600_000, '1.00 s'],
    [1_412_880_310, '1.41 s'],
    [90e9, '90.0 s'],
    [150e9, '2.50 min'],
    [3 * 3600e9, '3.00 h'],
    [3 * 86400e9, '3.00 d'],
    [-410_000_000, '−410 ms'],
  ])('writes %s as %s', (ns, text) => {
    expect(duration(ns)).toBe(text)
  })

  it('never shows more than three significant digits', () => {
    for (let ns = 1; ns < 1e15; ns = Math.ceil(ns * 1.37)) {
      const digits = duration(ns).replace(/[^\d]/g, '').replace(/^0+/, '')
      expect(digits.length, `${ns}`).toBeLessThanOrEqual(3)
    }
  })

  it('has every digit on hover', () => {
    expect(exactDuration(298_114_000)).toBe('298.114000 ms')
    expect(exactDuration(1_412_880_310)).toBe('1.412880310 s')
    expect(exactDuration(12)).toBe('12 ns')
    expect(exactDuration(null)).toBe('unknown')
    expect(exactDuration(-22_187_760)).toBe('−22.187760 ms')
  })

  it('writes an interval in the unit of its value', () => {
    expect(plusMinus(182e6, 179e6, 185e6)).toBe('±3')
    expect(plusMinus(1.69e9, 1.4e9, 2.5e9)).toBe('±0.55')
  })

  it('writes both ends of an interval of which one is much farther away', () => {
    expect(interval(182e6, 178e6, 188e6)).toBe('±5')
    expect(interval(763e6, 520e6, 8.9e9)).toBe('520–8,900')
    expect(interval(1.54e9, 1.05e9, 4.11e9)).toBe('1.1–4.1')
    expect(interval(5e6, 5e6, 5e6)).toBe('±0')
  })

  it('changes the unit where rounding does', () => {
    expect(unitOf(999_500_000).name).toBe('s')
    expect(unitOf(999_400_000).name).toBe('ms')
  })
})

describe('numbers', () => {
  it('writes counts in full up to a million', () => {
    expect([count(null), count(0), count(41208), count(999999), count(1234567), count(2.5e9)]).toEqual([
      '–',
      '0',
      '41,208',
      '999,999',
      '1.23 M',
      '2.5 G',
    ])
  })

  it('keeps a digit of small shares and never rounds one to nothing', () => {
    expect([
      percent(0),
      percent(0.61),
      percent(0.034),
      percent(0.0004),
      percent(0.00001),
      percent(1),
      percent(-0.25),
      percent(null),
      percent(3.05),
    ]).toEqual(['0 %', '61 %', '3.4 %', '0.040 %', '< 0.01 %', '100 %', '−25 %', '–', '305 %'])
  })

  it('writes rates in the time in which they are at least one', () => {
    expect([rate(12.34), rate(0.5), rate(0.001), rate(0)]).toEqual(['12.3 /s', '30 /min', '3.6 /h', '0 /s'])
  })

  it('puts signs in front, with a real minus', () => {
    expect([signed(410e6, duration), signed(-20e6, duration), signed(0, duration)]).toEqual([
      '+410 ms',
      '−20.0 ms',
      '0 ms',
    ])
  })

  it('rounds to three digits without an exponent', () => {
    expect([significant(0), significant(1234567), significant(0.00123456), significant(99.96)]).toEqual([
      '0',
      '1,230,000',
      '0.00123',
      '100',
    ])
  })
})

describe('ticks', () => {
  it('are round, start at 0 and end at or above the largest value', () => {
    expect(durationTicks(806e6, 5).map((tick) => tick.label)).toEqual(['0', '200', '400', '600', '800', '1,000 ms'])
    for (const max of [1, 999, 1.7e6, 3.3e9, 7.1e9, 88e9, 5e12]) {
      const ticks = durationTicks(max)
      expect(ticks[0]!.ns).toBe(0)
      expect(ticks.at(-1)!.ns).toBeGreaterThanOrEqual(max)
      expect(ticks.length).toBeLessThanOrEqual(8)
    }
    expect(durationTicks(0)).toHaveLength(1)
  })

  it('end within a scale that does, and still name their unit', () => {
    expect(ticksWithin(806e6, 5).map((tick) => tick.label)).toEqual(['0', '200', '400', '600', '800 ms'])
    for (const max of [1, 999, 1.7e6, 3.3e9, 7.1e9, 88e9, 5e12]) {
      const ticks = ticksWithin(max)
      expect(ticks.at(-1)!.ns).toBeLessThanOrEqual(max)
      expect(ticks.length).toBeGreaterThan(1)
    }
  })

  it('take steps of 1, 2, 2.5 or 5', () => {
    expect([niceStep(0.9), niceStep(1), niceStep(1.1), niceStep(2.2), niceStep(3), niceStep(70)]).toEqual([
      1, 1, 2, 2.5, 5, 100,
    ])
  })

  it('are few on a logarithmic axis', () => {
    expect(logTicks(80e6, 6e9)).toEqual([100e6, 200e6, 500e6, 1e9, 2e9, 5e9])
    expect(logTicks(1, 1e12).length).toBeLessThanOrEqual(13)
  })
})

describe('a change', () => {
  it.each([
    [null, '–'],
    [0.4812, '+48 %'],
    [8.95, '+895 %'],
    [11.95, '×13'],
    [78.67, '×80'],
    [-0.046, '−4.6 %'],
    [0.0996, '+10 %'],
    [-0.00099, '−0.1 %'],
    [0.0002, '±0.0 %'],
  ])('writes %s as %s', (relative, text) => {
    expect(change(relative)).toBe(text)
  })
})

it('begins a sentence', () => {
  expect(['requests around p99', 'p99 TTFT', 'mean TTFT', ''].map(sentence)).toEqual([
    'Requests around p99',
    'p99 TTFT',
    'Mean TTFT',
    '',
  ])
})

it('counts one request and many', () => {
  expect([0, 1, 2, 12_345].map((n) => requests(n))).toEqual([
    '0 requests',
    '1 request',
    '2 requests',
    '12,345 requests',
  ])
})
