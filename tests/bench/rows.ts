import type { Choice } from './load/plan.ts';

/** The load of a row. */
export interface Load {
  /** Straight to the service, or as a client of the platform: edge, gateway, limit. Both carry a token that Keycloak signed. */
  readonly via: 'service' | 'gateway';
  readonly connections: number;
  readonly batch: number;
  readonly choice: Choice;
  /** The shard of those who pay, and of those who are paid. */
  readonly from: 0 | 1;
  readonly to: 0 | 1;
  /** Without waiting for the replica: only ever as something to compare with. */
  readonly asynchronous?: true;
}

export interface Row {
  readonly name: string;
  readonly what: string;
  readonly load: Load;
  /** The load whose rate this one is a ratio of; pgbench TPC-B where there is none. */
  readonly against?: { readonly what: string; readonly load: Load };
  readonly least: number;
  readonly aim: number;
  /** Measured in an open loop as well, at nine tenths of the rate just found; its p99 may be at most this. */
  readonly p99Max_ms?: number;
  /** Entries that a shard must hold before. */
  readonly entries?: readonly [shard0: number, shard1: number];
}

const single: Load = { via: 'service', connections: 64, batch: 1, choice: 'uniform', from: 0, to: 0 };
const M = 1_000_000;

/** The rows of the table, in the order in which they are measured: what fills a shard comes last. */
export const rows: readonly Row[] = [
  { name: 'single', what: 'single transfers to the service', load: single, least: 2, aim: 2.5, p99Max_ms: 50 },
  { name: 'single-gateway', what: 'single transfers through edge and gateway', load: { ...single, via: 'gateway' }, least: 1, aim: 1.3, p99Max_ms: 100 },
  { name: 'bulk-100', what: 'batches of 100 to the service', load: { ...single, connections: 16, batch: 100 }, least: 6, aim: 7 },
  { name: 'bulk-100-gateway', what: 'batches of 100 through the gateway', load: { ...single, via: 'gateway', connections: 16, batch: 100 }, least: 4, aim: 5 },
  { name: 'bulk-1000', what: 'batches of 1,000 to the service', load: { ...single, connections: 4, batch: 1000 }, least: 6, aim: 7 },
  { name: 'bulk-1000-gateway', what: 'batches of 1,000 through the gateway', load: { ...single, via: 'gateway', connections: 4, batch: 1000 }, least: 4, aim: 5 },
  { name: 'hot', what: 'everybody pays one hot account', load: { ...single, choice: 'hot' }, against: { what: 'uniform', load: single }, least: 1, aim: 1.1 },
  { name: 'zipf', what: 'accounts by Zipf (0.99)', load: { ...single, choice: 'zipf' }, against: { what: 'uniform', load: single }, least: 1, aim: 1.1 },
  { name: 'cross-shard', what: 'payer and payee on different shards', load: { ...single, to: 1 }, against: { what: 'one shard', load: single }, least: 0.4, aim: 0.5 },
  { name: 'synchronous', what: 'with the synchronous replica', load: single, against: { what: 'asynchronous', load: { ...single, asynchronous: true } }, least: 0.8, aim: 0.9 },
  {
    name: 'entries', what: '10 M entries (shard 0)', load: single, against: { what: '1 M (shard 1)', load: { ...single, from: 1, to: 1 } },
    entries: [10 * M, M], least: 0.9, aim: 1,
  },
];
