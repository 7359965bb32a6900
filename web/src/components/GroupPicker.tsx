import { useAnswer } from '../api/useAnswer'

const MOST = 3

/** Up to three dimensions to group by, in order. */
export function GroupPicker({ value, onChange }: { value: string[]; onChange: (value: string[]) => void }) {
  const dimensions = useAnswer({ path: '/dimensions' }).answer?.dimensions ?? []
  const set = (index: number, name: string) => {
    const next = [...value]
    if (name) next[index] = name
    else next.splice(index, 1)
    onChange(next)
  }
  return (
    <div class="group-picker" role="group" aria-label="Group by">
      <span class="quiet">by</span>
      {[...value, ''].slice(0, MOST).map((chosen, index) => (
        <select
          key={index}
          aria-label={`Dimension ${index + 1}`}
          value={chosen}
          onChange={(event) => set(index, event.currentTarget.value)}
        >
          <option value="">{index === 0 ? 'everything' : chosen ? 'none' : '+'}</option>
          {chosen && !dimensions.some((dimension) => dimension.name === chosen) && (
            <option value={chosen}>{chosen}</option>
          )}
          {dimensions
            .filter((dimension) => dimension.name === chosen || (dimension.group && !value.includes(dimension.name)))
            .map((dimension) => (
              <option key={dimension.name} value={dimension.name}>
                {dimension.name}
              </option>
            ))}
        </select>
      ))}
    </div>
  )
}
