import { useState } from 'preact/hooks'

/** Text to copy, as it is. */
export function Code({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState('')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      setSaid('Select it and copy')
    }
    setTimeout(() => setSaid(''), 1500)
  }
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button type="button" onClick={copy}>
        <span aria-live="polite">{said || 'Copy'}</span>
      </button>
    </div>
  )
}
