/**
 * Native ES modules; swc takes the types and turns Nest's decorators into code. Two projects, told apart by the file's name:
 * `x.test.ts` needs nothing but Node, `x.integration.test.ts` starts the real thing and runs inside `./holdfast test`.
 */
const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      jsc: {
        target: 'es2024',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
      module: { type: 'es6' },
    }],
  },
  // From source, so that no build is needed before a test.
  moduleNameMapper: { '^@holdfast/kit/(.*)$': '<rootDir>/services/kit/src/$1.ts' },
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/tests/e2e/', '/tests/browser/'],
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/.holdfast/'],
};

// eslint-disable-next-line no-restricted-exports -- Jest asks for it.
export default {
  projects: [
    { ...common, displayName: 'unit', testMatch: ['**/*.test.ts'], testPathIgnorePatterns: [...common.testPathIgnorePatterns, '\\.integration\\.test\\.ts$'] },
    { ...common, displayName: 'integration', testMatch: ['**/*.integration.test.ts'] },
  ],
  collectCoverageFrom: ['services/*/src/**/*.ts', 'platform/**/*.ts', '!**/*.d.ts'],
};
