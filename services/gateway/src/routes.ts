/** The services behind the gateway. */
export const services = ['users', 'transactions', 'reporting', 'audit'] as const;
export type ServiceName = (typeof services)[number];

export interface Route {
  /** The path and everything below it. */
  readonly prefix: string;
  readonly service: ServiceName;
  /** How long the service may take to begin its answer; then it is a 504. */
  readonly timeout_ms: number;
  /** Methods that need no token, on the prefix itself. */
  readonly open?: readonly string[];
}

/** What is let in, and to whom it goes. Nothing else is: neither /metrics nor /health of any service. */
export const routes: readonly Route[] = [
  { prefix: '/v1/users', service: 'users', timeout_ms: 15_000, open: ['POST'] },
  { prefix: '/v1/accounts', service: 'transactions', timeout_ms: 10_000 },
  // A batch of a thousand may wait for several turns of its shard.
  { prefix: '/v1/transfers', service: 'transactions', timeout_ms: 20_000 },
  { prefix: '/v1/holds', service: 'transactions', timeout_ms: 10_000 },
  { prefix: '/v1/reports', service: 'reporting', timeout_ms: 15_000 },
  { prefix: '/v1/audit', service: 'audit', timeout_ms: 15_000 },
];

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** A body is JSON or it is not let in. */
export const contentTypes: readonly string[] = ['application/json'];

export function isOpen(route: Route, method: string, path: string): boolean {
  return path === route.prefix && (route.open?.includes(method) ?? false);
}

/** A path that a service could read in another way than we did: dot segments, empty segments, encoded separators. */
export function isAmbiguous(path: string): boolean {
  return /\/\/|\/\.{1,2}(\/|$)|\\|%2f|%5c|%2e|%00/i.test(path);
}
