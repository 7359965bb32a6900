import { Fragment } from 'preact'
import type { Schemas } from '../api/client'
import { duration } from '../format/duration'
import { percent, significant } from '../format/number'

type Condition = Schemas['Condition']

/** How a condition's number is written, where it is not a plain one. */
const writers: Record<string, (value: number) => string> = {
  'absolute change': duration,
  'interval above the limit': duration,
  'relative change': percent,
  'known kinds of requests': percent,
  'had a TTFT before': percent,
  'coverage below': percent,
}

/** What a rule had to meet, each with its number and its limit. */
export function Conditions({ conditions }: { conditions: Condition[] }) {
  if (conditions.length === 0) return null
  return (
    <dl class="conditions">
      {conditions.map(({ name, holds, value, needed, detail }) => {
        const write = writers[name] ?? significant
        return (
          <Fragment key={name}>
            <dt>
              <span class={holds ? 'holds' : 'fails'}>{holds === null ? '?' : holds ? '✓' : '✗'}</span> {name}
            </dt>
            <dd>
              {value !== null && (
                <>
                  <b title={String(value)}>{write(value)}</b>
                  {needed !== null && (
                    <>
                      , limit <span title={String(needed)}>{write(needed)}</span>
                    </>
                  )}
                </>
              )}
            </dd>
            {/* The number is written with its unit here. */}
            <dd class="quiet">{detail.replace(' in nanoseconds', '')}</dd>
          </Fragment>
        )
      })}
    </dl>
  )
}
