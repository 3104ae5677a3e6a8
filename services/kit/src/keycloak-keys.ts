import { createPublicKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { log } from './logging.ts';

const KeySet = z.object({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string(), use: z.string().optional(), alg: z.string().optional() })) });

const TIMEOUT_MS = 3_000;
const REFRESH_MS = 300_000;
/** How often at most a token with an unknown key may cause a fetch: a flood of made-up key ids must not reach Keycloak. */
const UNKNOWN_KEY_INTERVAL_MS = 10_000;
const RESPONSE_MAX_BYTES = 262_144;

/**
 * The realm's public keys. Fetched in the background, one fetch at a time, and kept when Keycloak is away, so that tokens it has
 * issued are good until they expire. A key that Keycloak no longer lists is gone with the next refresh.
 */
export class KeycloakKeys {
  private readonly url: string;
  private readonly agent: Dispatcher;
  private readonly stopping = new AbortController();
  private keys: ReadonlyMap<string, string> = new Map();
  private fetching: Promise<void> | undefined;
  private unknownKeyFetchedAt_ms = -Infinity;
  private problem: string | undefined = 'not fetched yet';

  constructor(options: { url: string; agent: Dispatcher }) {
    this.url = options.url;
    this.agent = options.agent;
  }

  /** Keeps the keys fresh until `stop`. */
  start(): void {
    void this.refreshForEver();
  }

  stop(): void {
    this.stopping.abort();
  }

  haveAny(): boolean {
    return this.keys.size > 0;
  }

  trouble(): string | undefined {
    return this.problem;
  }

  /** The key of that id as PEM; undefined if the realm has none. */
  async pemOf(kid: string): Promise<string | undefined> {
    const known = this.keys.get(kid);
    if (known !== undefined) return known;
    if (this.fetching) {
      await this.fetching;
    } else if (performance.now() - this.unknownKeyFetchedAt_ms >= UNKNOWN_KEY_INTERVAL_MS) {
      // Keycloak has begun to sign with a new key, or somebody makes key ids up: one look tells.
      this.unknownKeyFetchedAt_ms = performance.now();
      await this.fetch();
    }
    return this.keys.get(kid);
  }

  /** Never rejects: a failure shows in `trouble`, and the keys stay as they were. */
  fetch(): Promise<void> {
    this.fetching ??= this.fetchOnce().finally(() => { this.fetching = undefined; });
    return this.fetching;
  }

  private async fetchOnce(): Promise<void> {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.stopping.signal]);
      const response = await request(this.url, { dispatcher: this.agent, signal, headers: { accept: 'application/json' } });
      const text = await textUpTo(response.body, RESPONSE_MAX_BYTES);
      if (response.statusCode !== 200) throw new Error(`Keycloak answered ${response.statusCode}`);
      const { keys } = KeySet.parse(JSON.parse(text));
      const pems = new Map<string, string>();
      for (const key of keys) {
        // Encryption keys and other families are in the set too; only RS256 signs tokens here.
        if (key.kty !== 'RSA' || (key.use ?? 'sig') !== 'sig' || (key.alg ?? 'RS256') !== 'RS256') continue;
        pems.set(key.kid, createPublicKey({ key: key as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString());
      }
      if (pems.size === 0) throw new Error('Keycloak lists no RS256 key');
      this.keys = pems;
      if (this.problem !== undefined) log.info('fetched the keys of the realm');
      this.problem = undefined;
    } catch (cause) {
      if (this.problem === undefined) log.warn('the keys of the realm cannot be fetched; trying on with those at hand', {}, cause);
      this.problem = `keys cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`;
    }
  }

  private async refreshForEver(): Promise<void> {
    for (let wait_ms = 500; !this.stopping.signal.aborted; ) {
      await this.fetch();
      wait_ms = this.problem === undefined ? REFRESH_MS : Math.min(10_000, wait_ms * 2);
      await sleep(wait_ms, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
      if (this.problem === undefined) wait_ms = 500;
    }
  }
}

async function textUpTo(body: AsyncIterable<Buffer>, max_bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size_bytes = 0;
  for await (const chunk of body) {
    size_bytes += chunk.length;
    if (size_bytes > max_bytes) throw new Error(`the answer is longer than ${max_bytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
