import { describe, expect, it } from 'vitest'
import { resolvedLink } from '../src/components/ShareButton'
import { addFilter, formatFilter, groupFilters, parseFilter } from '../src/state/filters'
import { href, withChanges } from '../src/state/location'
import { describeSelection, selectionOf } from '../src/state/selection'
import { before, describe as describeRange, parseRange, resolve, toRFC3339 } from '../src/state/time'

const now = Date.parse('2026-03-01T12:00:00Z')

describe('points in time', () => {
  it.each([
    ['now', now],
    ['now-1h', now - 3600e3],
    ['now-90m', now - 5400e3],
    ['now-2w', now - 14 * 86400e3],
    ['now+5m', now + 300e3],
    ['2026-03-01T11:00:00Z', now - 3600e3],
    ['2026-03-01T13:00:00+02:00', now - 3600e3],
    ['yesterday', null],
    ['now-', null],
    ['', null],
  ])('reads %s', (text, expected) => {
    expect(resolve(text, now)).toBe(expected)
  })

  it('reads local time without a zone', () => {
    expect(resolve('2026-03-01 14:05', now)).toBe(new Date(2026, 2, 1, 14, 5).getTime())
  })

  it('keeps relative ends relative and makes the others RFC 3339', () => {
    expect(parseRange('now-90m', 'now', now)).toEqual({ from: 'now-90m', to: 'now' })
    expect(parseRange('2026-03-01T10:00:00Z', 'now', now)).toEqual({ from: '2026-03-01T10:00:00Z', to: 'now' })
  })

  it('names the end that is wrong', () => {
    expect(parseRange('soon', 'now', now)).toMatchObject({ field: 'from' })
    expect(parseRange('now', 'now-1h', now)).toMatchObject({ field: 'to' })
  })

  it('finds the same length of time just before', () => {
    expect(before({ from: 'now-1h', to: 'now' }, now)).toEqual({ from: 'now-7200s', to: 'now-1h' })
    expect(before({ from: '2026-03-01T11:00:00Z', to: '2026-03-01T11:30:00Z' }, now)).toEqual({
      from: '2026-03-01T10:30:00Z',
      to: '2026-03-01T11:00:00Z',
    })
  })

  it('names a range', () => {
    expect(describeRange({ from: 'now-1h', to: 'now' })).toBe('last 1 h')
    expect(describeRange({ from: 'now-15m', to: 'now' })).toBe('last 15 min')
  })
})

describe('filters', () => {
  it.each(['service=chat-api', 'model!=gpt-4o', 'model=~gpt-.*', 'region in eu,us', 'http.route=/a=b', 'service='])(
    'round-trips %s',
    (text) => {
      expect(formatFilter(parseFilter(text)!)).toBe(text)
    },
  )

  it.each(['', 'service', '=x', 'region in '])('refuses %s', (text) => {
    expect(parseFilter(text)).toBeNull()
  })

  it('replaces an equality on the same dimension, and keeps the rest', () => {
    expect(addFilter(['service=a', 'model!=x'], { dimension: 'service', operator: '=', value: 'b' })).toEqual([
      'model!=x',
      'service=b',
    ])
    expect(addFilter(['model!=x'], { dimension: 'model', operator: '!=', value: 'x' })).toEqual(['model!=x'])
  })

  it('singles out a group', () => {
    expect(
      groupFilters(
        ['service=a'],
        [
          { dimension: 'service', value: 'b' },
          { dimension: 'model', value: '' },
        ],
      ),
    ).toEqual(['service=b', 'model='])
  })

  it('keeps hostile text as text', () => {
    const value = `"><script>alert(1)</script> & ' %00 \u202e`
    const filter = formatFilter({ dimension: 'service', operator: '=', value })
    const params = withChanges(new URLSearchParams(), { filter: [filter] })
    const link = href('/requests', { path: '/', params })
    expect(new URL(link, 'http://x').searchParams.getAll('filter')).toEqual([filter])
    expect(parseFilter(filter)!.value).toBe(value)
  })
})

describe('the URL', () => {
  const view = {
    path: '/breakdown',
    params: new URLSearchParams('from=now-6h&to=now&filter=service=a&filter=model=b&group_by=model&sort=-n'),
  }

  it('takes range and filters along to another page, and nothing else', () => {
    const target = new URL(href('/requests', view), 'http://x')
    expect(target.pathname).toBe('/requests')
    expect([...target.searchParams.keys()]).toEqual(['from', 'to', 'filter', 'filter'])
  })

  it('does not write down the default range', () => {
    expect(withChanges(view.params, { from: 'now-1h', to: 'now' }).has('from')).toBe(false)
  })

  it('writes arrays repeatedly and removes empty values', () => {
    const params = withChanges(view.params, { group_by: ['a', 'b'], sort: null })
    expect(params.getAll('group_by')).toEqual(['a', 'b'])
    expect(params.has('sort')).toBe(false)
  })

  it('resolves every relative time in a link to share', () => {
    const link = new URL(
      resolvedLink('http://h/compare?from=now-1h&to=now&a_from=now-2h&a_to=now-1h&live=1&filter=service=a', now),
    )
    expect(link.searchParams.get('from')).toBe('2026-03-01T11:00:00Z')
    expect(link.searchParams.get('to')).toBe('2026-03-01T12:00:00Z')
    expect(link.searchParams.get('a_from')).toBe('2026-03-01T10:00:00Z')
    expect(link.searchParams.get('a_to')).toBe('2026-03-01T11:00:00Z')
    expect(link.searchParams.has('live')).toBe(false)
    expect(link.searchParams.get('filter')).toBe('service=a')
  })

  it('resolves the default range, too', () => {
    expect(new URL(resolvedLink('http://h/', now)).searchParams.get('from')).toBe('2026-03-01T11:00:00Z')
  })
})

describe('a selection', () => {
  it('is read from the API’s own parameters', () => {
    const params = new URLSearchParams({
      select_from: toRFC3339(now),
      select_to: toRFC3339(now + 60e3),
      select_low_ns: '1000000',
      select_high_ns: '2000000',
    })
    const selection = selectionOf(params)!
    expect(selection.select_low_ns).toBe(1e6)
    expect(describeSelection(selection, 'TTFT')).toContain('TTFT 1.00 ms to 2.00 ms')
  })

  it('is none without parameters, and ignores what is no number', () => {
    expect(selectionOf(new URLSearchParams())).toBeNull()
    expect(selectionOf(new URLSearchParams('select_low_ns=<b>'))).toBeNull()
  })
})
