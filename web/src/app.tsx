import type { FunctionComponent } from 'preact'
import { Shell } from './components/Shell'
import { Empty } from './components/Notice'
import { Breakdown } from './pages/Breakdown'
import { Overview } from './pages/Overview'
import { useView } from './state/location'

const pages: Record<string, FunctionComponent> = {
  '/': Overview,
  '/breakdown': Breakdown,
}

/** The pages that ask about a time range and filters. */
const scoped = new Set(['/', '/breakdown'])

export function App() {
  const { path } = useView()
  const Page = pages[path]
  return (
    <Shell scoped={scoped.has(path)}>
      {Page ? (
        <Page />
      ) : (
        <Empty title="There is no such page">
          <a href="/">Go to the overview</a>
        </Empty>
      )}
    </Shell>
  )
}
