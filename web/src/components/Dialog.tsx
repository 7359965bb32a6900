import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

/** A modal dialog: the browser traps the focus and gives it back. */
export function Dialog(props: { open: boolean; label: string; onClose: () => void; children: ComponentChildren }) {
  const root = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    if (props.open && !root.current?.open) root.current?.showModal()
    if (!props.open) root.current?.close()
  }, [props.open])
  return (
    <dialog
      ref={root}
      aria-label={props.label}
      onClose={() => {
        // The event comes later than the closing: the dialog may be open again.
        if (!root.current?.open) props.onClose()
      }}
      onClick={(event) => {
        if (event.target === root.current) props.onClose()
      }}
    >
      {props.open && <div class="dialog-body">{props.children}</div>}
    </dialog>
  )
}
