import { useState } from 'preact/hooks'
import { giveToken, tokenWanted } from '../api/session'
import { token } from '../api/client'
import { useSignal } from '../state/signal'
import { Dialog } from './Dialog'

/** Asks for the API's bearer token, which stays in this tab. */
export function TokenDialog() {
  const open = useSignal(tokenWanted)
  const [text, setText] = useState('')
  const refused = open && token() !== ''
  const submit = (event: Event) => {
    event.preventDefault()
    giveToken(text)
    setText('')
  }
  return (
    <Dialog open={open} label="Access token" onClose={() => undefined}>
      <form onSubmit={submit}>
        <h2>Access token</h2>
        <p>
          This Phaseline answers only with the token that is configured as <code>api.token</code>. It is kept in this
          tab and sent nowhere else.
        </p>
        {refused && <p class="wrong">That token was refused. Look it up in the configuration and try again.</p>}
        <div class="field">
          <label for="token">Token</label>
          <input
            id="token"
            type="password"
            autocomplete="off"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            required
          />
        </div>
        <button type="submit" class="primary">
          Continue
        </button>
      </form>
    </Dialog>
  )
}
