import type { Address } from '@holdfast/kit/config';
import { log } from '@holdfast/kit/logging';
import type { TlsIdentity } from '@holdfast/kit/tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildConnector, Pool } from 'undici';
import { addressesOf } from './addresses.ts';

const RESOLVE_MS = 1_000;
const PROBE_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_000;
/** How long a replica that refused a connection is asked last. */
const SHUN_MS = 2_000;
const CONNECTIONS_MAX = 64;

export interface Replica {
  readonly address: string;
  readonly pool: Pool;
  /** Errors of this pool's connector, so that "no connection" can be told from "connection lost". */
  readonly connectErrors: WeakSet<object>;
  ready: boolean;
  shunnedUntil_ms: number;
  inFlight: number;
}

/**
 * The replicas of one service: all addresses of its name, looked up every second, each with a pool of its own (a pool for the name would
 * stay with the first address). With more than one, each is also asked whether it is ready, so that one that stops or cannot reach its
 * database is passed over before it fails anybody.
 */
export class Replicas {
  readonly service: string;
  private readonly target: Address;
  private readonly identity: () => TlsIdentity;
  private readonly replicas = new Map<string, Replica>();
  private readonly stopping = new AbortController();
  private readonly lookUp: (name: string) => Promise<string[]>;
  private turn = 0;

  constructor(service: string, target: Address, identity: () => TlsIdentity, lookUp: (name: string) => Promise<string[]> = addressesOf) {
    this.lookUp = lookUp;
    this.service = service;
    this.target = target;
    this.identity = identity;
  }

  start(): void {
    void this.followForEver();
  }

  /** What is wrong, for the health page. */
  trouble(): string | undefined {
    return this.replicas.size === 0 ? 'no replica is known' : undefined;
  }

  count(): number {
    return this.replicas.size;
  }

  /** Whom to ask, in order: the ready ones with the least in flight, taking turns, then the doubtful, as they may be back. */
  inOrder(): Replica[] {
    const now_ms = performance.now();
    const all = [...this.replicas.values()];
    if (all.length < 2) return all;
    this.turn = (this.turn + 1) % all.length;
    const turned = [...all.slice(this.turn), ...all.slice(0, this.turn)];
    const doubt = (replica: Replica): number => (replica.ready ? 0 : 2) + (replica.shunnedUntil_ms > now_ms ? 1 : 0);
    return turned.sort((one, other) => doubt(one) - doubt(other) || one.inFlight - other.inFlight);
  }

  shun(replica: Replica): void {
    replica.shunnedUntil_ms = performance.now() + SHUN_MS;
  }

  /** After a renewal of certificates: new connections with the new ones, the old end when their requests have. */
  renew(): void {
    for (const [address, replica] of this.replicas) {
      this.replicas.set(address, this.make(address));
      void replica.pool.close();
    }
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled([...this.replicas.values()].map((replica) => replica.pool.close()));
  }

  private async followForEver(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.resolve();
      if (this.replicas.size > 1) await Promise.all([...this.replicas.values()].map((replica) => this.probe(replica)));
      else for (const replica of this.replicas.values()) replica.ready = true;
      await sleep(RESOLVE_MS, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  private async resolve(): Promise<void> {
    let addresses: string[];
    try {
      addresses = await this.lookUp(this.target.host);
    } catch {
      // The name is gone while its last replica restarts, or the resolver is busy: those known are kept, and asked.
      return;
    }
    for (const address of addresses) {
      if (this.replicas.has(address)) continue;
      this.replicas.set(address, this.make(address));
      log.info('a replica came', { 'holdfast.service': this.service, 'holdfast.replica': address });
    }
    for (const [address, replica] of this.replicas) {
      if (addresses.includes(address)) continue;
      this.replicas.delete(address);
      // Its requests in flight go on to their end.
      void replica.pool.close();
      log.info('a replica went', { 'holdfast.service': this.service, 'holdfast.replica': address });
    }
  }

  private make(address: string): Replica {
    const connectErrors = new WeakSet<object>();
    // The certificate is checked for the service's name, whatever address it lives at.
    const connect = buildConnector({ ...this.identity(), servername: this.target.host, timeout: CONNECT_TIMEOUT_MS });
    const pool = new Pool(`https://${address}:${this.target.port}`, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      // Well below the services' 75 s, so that it is us who close an idle connection and no request meets a closing one.
      keepAliveTimeout: 20_000,
      keepAliveMaxTimeout: 30_000,
      connect: (options, callback) => connect(options, (...result) => {
        const [error] = result;
        if (error) connectErrors.add(error);
        callback(...result);
      }),
    });
    return { address, pool, connectErrors, ready: true, shunnedUntil_ms: 0, inFlight: 0 };
  }

  private async probe(replica: Replica): Promise<void> {
    const was = replica.ready;
    try {
      const answer = await replica.pool.request({
        method: 'GET',
        path: '/health/ready',
        headers: { host: this.target.host },
        headersTimeout: PROBE_TIMEOUT_MS,
        bodyTimeout: PROBE_TIMEOUT_MS,
      });
      await answer.body.dump();
      replica.ready = answer.statusCode === 200;
    } catch {
      replica.ready = false;
    }
    if (was !== replica.ready) {
      log.info(replica.ready ? 'a replica is ready' : 'a replica is not ready', { 'holdfast.service': this.service, 'holdfast.replica': replica.address });
    }
  }
}
