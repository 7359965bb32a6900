import { render } from 'preact'
import { App } from './app'
import { listenForKeys } from './state/keys'
import { interceptLinks } from './state/location'
import { watchSystemTheme } from './state/theme'
import 'uplot/dist/uPlot.min.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/pages.css'

interceptLinks()
listenForKeys()
watchSystemTheme()
render(<App />, document.getElementById('app')!)
