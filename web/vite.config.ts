import { defineConfig } from 'vitest/config'

// PHASELINE_API is where a running phaseline serves its API while the UI is developed.
const api = process.env.PHASELINE_API ?? 'http://127.0.0.1:8321'

export default defineConfig({
  build: {
    target: 'es2022',
    // Data URIs would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': api } },
  // A busy machine takes seconds to generate a client; that is no failure.
  test: { include: ['test/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
})
