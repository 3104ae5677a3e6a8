import { defineConfig } from '@playwright/test';

// eslint-disable-next-line no-restricted-exports -- Playwright asks for it.
export default defineConfig({
  testDir: './e2e',
  testMatch: '**/*.test.ts',
  // One platform for all of them, and two cores: one test at a time, in the order of the files' names.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  // So many mean that the platform itself is gone: each of the others would wait out its budget, for an hour, and tell nothing more.
  maxFailures: 10,
  timeout: 300_000,
  outputDir: '/tmp/playwright',
  reporter: [['list'], ['json']],
  use: {
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
});
