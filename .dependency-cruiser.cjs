/** Who may know whom. The reasons are in ARCHITECTURE.md and the house style. */
const nestOrDriver = '^(node_modules/)?(@nestjs/|@willsoto/|@elastic/|pg|kafkajs|redis|winston|keycloak-connect)(/|$)';

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', comment: 'Two files that need each other are one file, or three.', from: {}, to: { circular: true } },
    {
      name: 'services-know-only-the-kit',
      severity: 'error',
      comment: 'A service that needs another one asks it over HTTP or reads its events.',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: ['^services/$1/', '^services/kit/'] },
    },
    { name: 'kit-knows-no-service', severity: 'error', from: { path: '^services/kit/' }, to: { path: '^services/(?!kit/)' } },
    {
      name: 'pure-core',
      severity: 'error',
      comment: 'Rules import neither Nest nor a driver: only controllers, modules, stores and the start of a service do.',
      from: {
        path: '^services/(users|transactions|reporting|audit)/src/',
        pathNot: '(\\.controller|\\.module|\\.store|\\.guard|\\.test|\\.integration\\.test|/main|/config)\\.ts$',
      },
      to: { path: nestOrDriver },
    },
    {
      name: 'drivers-behind-the-kit',
      severity: 'error',
      comment: 'kafkajs, keycloak-connect, winston and pg are each used in one module of the kit, so that each can be changed in one place.',
      from: { path: '^services/(?!kit/)', pathNot: '\\.test\\.ts$' },
      to: { path: '(^|/)node_modules/(kafkajs|keycloak-connect|winston|pg)/' },
    },
    { name: 'kafka-in-one-place', severity: 'error', from: { path: '^services/kit/', pathNot: '/kafka(\\.integration)?(\\.test)?\\.ts$' }, to: { path: '(^|/)node_modules/kafkajs/' } },
    { name: 'keycloak-connect-in-one-place', severity: 'error', from: { path: '^services/kit/', pathNot: '/token(\\.test)?\\.ts$' }, to: { path: '(^|/)node_modules/keycloak-connect/' } },
    { name: 'tests-are-nobodys-foundation', severity: 'error', from: { pathNot: '\\.test\\.ts$|^tests/' }, to: { path: '\\.test\\.ts$|^tests/' } },
    { name: 'no-undeclared', severity: 'error', from: { path: '^services/' }, to: { dependencyTypes: ['npm-no-pkg', 'unknown'] } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|\\.d\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'], extensions: ['.ts', '.js', '.cjs', '.json'] },
  },
};
