import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['*.test.ts'],
    globalSetup: ['./setup.ts'],
    // One server and one Chromium at a time: the machine has two cores.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // A shared machine can starve Chromium for seconds; the report names what passed only the second time.
    retry: process.env['CI'] ? 1 : 0,
    // Pages ask the server several questions at a time.
    expect: { poll: { timeout: 20_000 } },
  },
})
