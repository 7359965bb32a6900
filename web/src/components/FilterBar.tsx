import { useRef, useState } from 'preact/hooks'
import { useAnswer } from '../api/useAnswer'
import { count } from '../format/number'
import { addFilter, parseFilter } from '../state/filters'
import { rangeOf, update, useView } from '../state/location'

interface Suggestion {
  text: string
  note: string
  /** Whether choosing it completes the filter. */
  complete: boolean
}

/** The filters in force as chips, and an input that completes dimensions and values. */
export function FilterBar() {
  const { params } = useView()
  const filters = params.getAll('filter')
  const [text, setText] = useState('')
  const [focused, setFocused] = useState(false)
  const [active, setActive] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  const suggestions = useSuggestions(text, focused)
  const shown = focused && suggestions.length > 0

  const add = (candidate: string) => {
    const filter = parseFilter(candidate)
    if (!filter) return
    update({ filter: addFilter(filters, filter) })
    setText('')
    setActive(-1)
  }
  const choose = (suggestion: Suggestion) => {
    if (suggestion.complete) add(suggestion.text)
    else setText(suggestion.text)
    setActive(-1)
    input.current?.focus()
  }
  const edit = (filter: string) => {
    update({ filter: filters.filter((other) => other !== filter) })
    setText(filter)
    input.current?.focus()
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (!shown) return
      event.preventDefault()
      const step = event.key === 'ArrowDown' ? 1 : -1
      setActive((active + step + suggestions.length + (active < 0 && step < 0 ? 1 : 0)) % suggestions.length)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      if (active >= 0 && suggestions[active]) choose(suggestions[active])
      else add(text)
    } else if (event.key === 'Escape') {
      if (text) setText('')
      else input.current?.blur()
    } else if (event.key === 'Backspace' && text === '' && filters.length > 0) {
      event.preventDefault()
      edit(filters[filters.length - 1]!)
    }
  }

  return (
    <div class="filter-bar" role="search">
      {filters.map((filter) => (
        <span class="chip" key={filter}>
          <button type="button" class="chip-text" title="Edit this filter" onClick={() => edit(filter)}>
            {filter}
          </button>
          <button
            type="button"
            class="chip-remove"
            aria-label={`Remove filter ${filter}`}
            onClick={() => update({ filter: filters.filter((other) => other !== filter) })}
          >
            ×
          </button>
        </span>
      ))}
      <div class="combo">
        <input
          id="filter-input"
          ref={input}
          value={text}
          placeholder={filters.length ? 'and …' : 'Filter: service=chat-api, model=~gpt-.*'}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          role="combobox"
          aria-label="Add a filter"
          aria-expanded={shown}
          aria-controls="filter-suggestions"
          aria-activedescendant={active >= 0 ? `suggestion-${active}` : undefined}
          aria-invalid={text !== '' && suggestions.length === 0 && parseFilter(text) === null}
          onInput={(event) => {
            setText(event.currentTarget.value)
            setActive(-1)
          }}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          onKeyDown={onKeyDown}
        />
        <ul id="filter-suggestions" class="popover suggestions" role="listbox" aria-label="Suggestions" hidden={!shown}>
          {suggestions.map((suggestion, index) => (
            <li
              key={suggestion.text}
              id={`suggestion-${index}`}
              role="option"
              aria-selected={index === active}
              onPointerDown={(event) => {
                event.preventDefault()
                choose(suggestion)
              }}
            >
              <span>{suggestion.text}</span>
              <span class="quiet">{suggestion.note}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}

const MOST = 12

function useSuggestions(text: string, active: boolean): Suggestion[] {
  const { params } = useView()
  const range = rangeOf(params)
  const filter = parseFilter(text)
  const dimensions = useAnswer(active ? { path: '/dimensions' } : null).answer?.dimensions ?? []
  const known = filter !== null && dimensions.some((dimension) => dimension.name === filter.dimension)
  const values = useAnswer(
    active && filter && known && (filter.operator === '=' || filter.operator === '!=')
      ? {
          path: '/dimensions/{name}/values',
          params: { name: filter.dimension },
          query: {
            ...range,
            prefix: filter.value,
            limit: MOST,
            filter: otherFilters(params.getAll('filter'), filter.dimension),
          },
        }
      : null,
  ).answer

  if (!filter) {
    const typed = text.trim().toLowerCase()
    return dimensions
      .filter((dimension) => dimension.name.toLowerCase().includes(typed))
      .slice(0, MOST)
      .map((dimension) => ({ text: dimension.name + '=', note: dimension.description, complete: false }))
  }
  return (values?.values ?? []).map((row) => ({
    text: filter.dimension + filter.operator + row.value,
    note: count(row.counts.n),
    complete: true,
  }))
}

/** Values are offered under the other filters, so that alternatives to the present one show. */
function otherFilters(filters: string[], dimension: string): string[] {
  return filters.filter((filter) => parseFilter(filter)?.dimension !== dimension)
}
