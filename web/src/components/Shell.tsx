import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { inFlight } from '../api/activity'
import { useAnswer } from '../api/useAnswer'
import { overlay, PAGES } from '../state/keys'
import { held, LIVE_SECONDS, setLive } from '../state/live'
import { href, update, useView } from '../state/location'
import { useSignal } from '../state/signal'
import { setTheme, theme, type Theme } from '../state/theme'
import { FilterBar } from './FilterBar'
import { HelpDialog } from './HelpDialog'
import { ShareButton } from './ShareButton'
import { TimePicker } from './TimePicker'
import { TokenDialog } from './TokenDialog'

/** What surrounds every page: navigation, time, filters, and the progress line. */
export function Shell({ children, scoped }: { children: ComponentChildren; scoped: boolean }) {
  const view = useView()
  const busy = useSignal(inFlight) > 0
  const page = PAGES.find((candidate) => isOpen(candidate.path, view.path))

  const firing = useAnswer({ path: '/alerts', query: { state: ['firing'] } }).answer?.alerts.length ?? 0
  const nav = useRef<HTMLElement>(null)

  useEffect(() => {
    document.title = page ? `${page.name} · Phaseline` : 'Phaseline'
  }, [page])

  useEffect(() => {
    // On a phone there is not room for all pages at once.
    const tab = nav.current?.querySelector<HTMLElement>('[aria-current]')
    if (tab) nav.current!.scrollLeft = tab.offsetLeft - (nav.current!.clientWidth - tab.clientWidth) / 2
  }, [page, firing])

  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <div class={busy ? 'progress busy' : 'progress'} role="progressbar" aria-label="Loading" aria-hidden={!busy} />
      <header class="top">
        <a class="brand" href={href('/', view)} aria-label="Phaseline, overview">
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <rect class="fill-network" x="0" y="3" width="3" height="10" />
            <rect class="fill-queue" x="3" y="3" width="4" height="10" />
            <rect class="fill-prefill" x="7" y="3" width="4" height="10" />
            <rect class="fill-decode" x="11" y="3" width="5" height="10" />
          </svg>
          <span>Phaseline</span>
        </a>
        <nav aria-label="Pages" ref={nav}>
          {PAGES.map(({ path, name, key }) => (
            <a
              key={path}
              href={href(path, view)}
              aria-current={isOpen(path, view.path) ? 'page' : undefined}
              title={`g ${key}`}
            >
              {name}
              {path === '/alerts' && firing > 0 && (
                <span class="badge" title={`${firing} firing`}>
                  {firing}
                </span>
              )}
            </a>
          ))}
        </nav>
        <div class="tools">
          <ThemeButton />
          <button
            type="button"
            class="icon"
            aria-label="Keyboard and help"
            title="?"
            onClick={() => overlay.set('help')}
          >
            ?
          </button>
        </div>
      </header>
      {scoped && (
        <div class="scope">
          <FilterBar />
          <div class="scope-time">
            <LiveButton />
            <TimePicker />
            <ShareButton />
          </div>
        </div>
      )}
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <HelpDialog />
      <TokenDialog />
    </>
  )
}

function isOpen(path: string, current: string): boolean {
  return path === '/' ? current === '/' : current === path || current.startsWith(path + '/')
}

function LiveButton() {
  const { params } = useView()
  const live = params.get('live') === '1'
  const waiting = useSignal(held)
  useEffect(() => {
    setLive(live)
    return () => setLive(false)
  }, [live])
  return (
    <button
      type="button"
      class="live"
      aria-pressed={live}
      title={waiting ? 'Held while you point at data' : `Ask again every ${LIVE_SECONDS} s`}
      onClick={() => update({ live: live ? null : '1' }, { replace: true })}
    >
      <i class={waiting ? 'lamp held' : live ? 'lamp on' : 'lamp'} />
      {waiting ? 'held' : 'live'}
    </button>
  )
}

const nextTheme: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }
const themeSign: Record<Theme, string> = { system: '◐', light: '○', dark: '●' }

function ThemeButton() {
  const current = useSignal(theme)
  return (
    <button
      type="button"
      class="icon"
      aria-label={`Theme: ${current}. Switch to ${nextTheme[current]}`}
      title={`Theme: ${current}`}
      onClick={() => setTheme(nextTheme[current])}
    >
      {themeSign[current]}
    </button>
  )
}
