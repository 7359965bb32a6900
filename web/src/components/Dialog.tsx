import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** A modal dialog: the browser traps the focus and gives it back. */
export function Dialog(props: { open: boolean; label: string; onClose: () => void; children: ComponentChildren }) {
  const root = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (props.open && !root.current?.open) root.current?.showModal()
    if (!props.open) root.current?.close()
  }, [props.open])
  return (
    <dialog
      ref={root}
      aria-label={props.label}
      onClose={props.onClose}
      onClick={(event) => {
        if (event.target === root.current) props.onClose()
      }}
    >
      {props.open && <div class="dialog-body">{props.children}</div>}
    </dialog>
  )
}
