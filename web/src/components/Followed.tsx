import type { ComponentChildren } from 'preact'

/** A number that leads to the requests behind it, if there is a way to them. */
export function Followed({ href, children }: { href?: string | undefined; children: ComponentChildren }) {
  if (!href) return <>{children}</>
  return (
    <a class="follow" href={href}>
      {children}
    </a>
  )
}
