import type { FunctionComponent } from 'preact'
import { Shell } from './components/Shell'
import { Empty } from './components/Notice'
import { Breakdown } from './pages/Breakdown'
import { useView } from './state/location'

const pages: Record<string, FunctionComponent> = {
  '/': Breakdown,
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
