import type { FunctionComponent } from 'preact'
import { Shell } from './components/Shell'
import { Empty } from './components/Notice'
import { Alerts } from './pages/Alerts'
import { Breakdown } from './pages/Breakdown'
import { Compare } from './pages/Compare'
import { Explore } from './pages/Explore'
import { Overview } from './pages/Overview'
import { RequestPage } from './pages/Request'
import { Requests } from './pages/Requests'
import { Setup } from './pages/Setup'
import { useView } from './state/location'

const pages: Record<string, FunctionComponent> = {
  '/': Overview,
  '/breakdown': Breakdown,
  '/explore': Explore,
  '/requests': Requests,
  '/compare': Compare,
  '/alerts': Alerts,
  '/setup': Setup,
}

/** The pages that ask about a time range and filters. */
const scoped = new Set(['/', '/breakdown', '/explore', '/requests', '/compare'])

export function App() {
  const { path } = useView()
  const Page = pages[path]
  const request = /^\/requests\/([0-9a-fA-F]{32})\/([0-9a-fA-F]{16})$/.exec(path)
  return (
    <Shell scoped={scoped.has(path)}>
      {request ? (
        <RequestPage traceID={request[1]!} spanID={request[2]!} />
      ) : Page ? (
        <Page />
      ) : (
        <Empty title="There is no such page">
          <a href="/">Go to the overview</a>
        </Empty>
      )}
    </Shell>
  )
}
