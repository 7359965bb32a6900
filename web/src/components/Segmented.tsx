/** One choice of a few, side by side. */
export function Segmented<T extends string>(props: {
  label: string
  value: T
  options: readonly { value: T; name: string; title?: string }[]
  onChange: (value: T) => void
}) {
  return (
    <div class="segmented" role="group" aria-label={props.label}>
      {props.options.map(({ value, name, title }) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          title={title}
          onClick={() => props.onChange(value)}
        >
          {name}
        </button>
      ))}
    </div>
  )
}
