import { signal } from './signal'

export type Theme = 'system' | 'light' | 'dark'

// public/theme.js reads the same key before the first paint.
const key = 'phaseline.theme'

export const theme = signal<Theme>(stored())

/** Changes whenever the colours that charts paint with may have changed. */
export const palette = signal(0)

function stored(): Theme {
  const value = typeof document === 'undefined' ? undefined : document.documentElement.dataset['theme']
  return value === 'light' || value === 'dark' ? value : 'system'
}

export function setTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = next
  try {
    if (next === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, next)
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
  theme.set(next)
  palette.set(palette.get() + 1)
}

export function watchSystemTheme(): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => palette.set(palette.get() + 1))
}

/** A colour token as the browser resolves it now, for canvases. */
export function resolveColour(token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(--${token})`
  probe.hidden = true
  document.body.append(probe)
  const colour = getComputedStyle(probe).color
  probe.remove()
  return colour
}
