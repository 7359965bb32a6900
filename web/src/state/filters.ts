// A filter as the URL and the API write it: service=chat-api, model!=x,
// model=~gpt-.*, region in eu,us.

export type Operator = '=' | '!=' | '=~' | 'in'

export interface Filter {
  dimension: string
  operator: Operator
  value: string
}

const grammar = /^\s*([^\s=!~]+)\s*(=~|!=|=|\s+in\s+)\s*([\s\S]*)$/

/** The filter in text, or null where it is none. */
export function parseFilter(text: string): Filter | null {
  const match = grammar.exec(text)
  if (!match) return null
  const operator = match[2]!.trim() as Operator
  const value = match[3]!
  if (operator === 'in' && value.trim() === '') return null
  return { dimension: match[1]!, operator, value: operator === 'in' ? value.trim() : value }
}

export function formatFilter({ dimension, operator, value }: Filter): string {
  return operator === 'in' ? `${dimension} in ${value}` : `${dimension}${operator}${value}`
}

/** Adds a filter; an equality replaces an earlier equality on the same dimension. */
export function addFilter(filters: string[], added: Filter): string[] {
  const text = formatFilter(added)
  const kept = filters.filter((filter) => {
    const other = parseFilter(filter)
    return !(added.operator === '=' && other?.operator === '=' && other.dimension === added.dimension)
  })
  return kept.includes(text) ? kept : [...kept, text]
}

/** The equality filters that single out one group. */
export function groupFilters(filters: string[], labels: { dimension: string; value: string }[]): string[] {
  return labels.reduce((all, label) => addFilter(all, { ...label, operator: '=' }), filters)
}
