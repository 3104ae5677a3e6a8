import { setTimeout as sleep } from 'node:timers/promises';
import { Protocol, verdictOf, type Check, type Verification } from './checks.ts';
import { lookElsewhere, type Missing, type VerifiedShard } from './elsewhere.ts';
import { LOWEST_ID, readOutgoing, readStream, readSums, type OutgoingRow } from './pages.store.ts';
import { defaultPages, inspections, type Inspection } from './verify-shard.ts';

export interface VerifyOptions {
  /** How long to rest after a page, as a multiple of the time it took: 0 is all speed, 3 a quarter of it. */
  readonly rest: number;
  readonly pages?: { readonly page: number; readonly smallPage: number };
  /** How long to wait before each look for what one shard lacks on the others: see `lookElsewhere`. */
  readonly patienceMs?: readonly number[];
  readonly signal?: AbortSignal;
  /** Told now and then which check is under way. */
  onProgress?(check: string, shard: number | null): void;
}

/**
 * Computes everything again that the ledger says of itself, on all shards, in pages: each is right in itself, as what belongs together is read in one
 * statement. What is written behind the page under way is for the next verification. Throws only if it is aborted: what it cannot read, it cannot verify.
 */
export async function verifyLedger(shards: readonly VerifiedShard[], options: VerifyOptions): Promise<Verification> {
  const started = Date.now();
  const protocol = new Protocol();
  const pages = options.pages ?? defaultPages;
  let last = performance.now();
  const pause = async (): Promise<void> => {
    const took_ms = performance.now() - last;
    await sleep(took_ms * options.rest, undefined, { signal: options.signal });
    last = performance.now();
  };
  const attempt = async (checks: readonly Check[], shard: number | null, work: () => Promise<void>): Promise<void> => {
    options.signal?.throwIfAborted();
    for (const check of checks) {
      protocol.begin(check, shard);
      options.onProgress?.(check, shard);
    }
    try {
      last = performance.now();
      await work();
      for (const check of checks) protocol.end(check, shard);
      await pause();
    } catch (cause) {
      options.signal?.throwIfAborted();
      for (const check of checks) protocol.unable(check, shard, cause instanceof Error ? cause.message : String(cause));
    }
  };

  for (const shard of shards) {
    const inspection: Inspection = { shard, protocol, ...pages, pause, lookElsewhere: (missing) => lookElsewhere(shards, missing, protocol, options.patienceMs) };
    await attempt(['cross_shard'], shard.number, async () => {
      const stream = await readStream(shard);
      if (stream && stream.shard !== shard.number) throw new Error(`what answers in place of shard ${shard.number} says that it is shard ${stream.shard}`);
      await inspectOutgoing(inspection);
    });
    for (const { checks, inspect } of inspections) await attempt(checks, shard.number, () => inspect(inspection));
  }
  await attempt(['sums'], null, () => inspectTotals(shards, protocol));
  const results = protocol.results();
  return { verdict: verdictOf(results), started_at: new Date(started).toISOString(), duration_ms: Date.now() - started, checks: results };
}

/** Each shard alone must sum to zero, so one moment for all of them is not needed. */
async function inspectTotals(shards: readonly VerifiedShard[], protocol: Protocol): Promise<void> {
  const totals = new Map<string, bigint>();
  for (const shard of shards) {
    for (const { currency, accounts, sum } of await readSums(shard)) {
      protocol.looked('sums', null, Number(accounts));
      totals.set(currency, (totals.get(currency) ?? 0n) + sum);
    }
  }
  for (const [currency, sum] of totals) if (sum !== 0n) protocol.found('sums', null, `the balances in ${currency} of all shards sum to ${sum}`);
}

async function inspectOutgoing({ shard, protocol, smallPage, pause, lookElsewhere: look }: Inspection): Promise<void> {
  let after = LOWEST_ID;
  for (;;) {
    const rows = await readOutgoing(shard, after, smallPage);
    protocol.looked('cross_shard', shard.number, rows.length);
    for (const row of rows) tellOfOutgoing(row, shard.number, protocol);
    await look(rows.flatMap((row): Missing[] => (row.state !== 'settled' ? [] : [{
      check: 'cross_shard', shard: shard.number, what: 'half', id: row.transfer_id, legs: new Map(row.legs.map(({ account, amount }) => [account, amount])),
      finding: `transfer ${row.transfer_id} is settled, and has not arrived on another shard as it was sent`,
    }])));
    const last = rows.at(-1);
    if (!last || rows.length < smallPage) return;
    after = last.transfer_id;
    await pause();
  }
}

function tellOfOutgoing(row: OutgoingRow, shard: number, protocol: Protocol): void {
  const sent = row.legs.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const name = `transfer ${row.transfer_id}`;
  if (BigInt(row.in_transit ?? 0) !== sent) protocol.found('cross_shard', shard, `${name} sends ${sent}, and puts ${row.in_transit ?? 0} in transit`);
  if (row.state === 'returned' ? row.returns !== 1n : row.returns !== 0n) protocol.found('cross_shard', shard, `${name} is ${row.state}, and has come back ${row.returns} times`);
  else if (row.returned !== null && BigInt(row.returned) !== -sent) protocol.found('cross_shard', shard, `${name} sends ${sent}, and takes ${row.returned} out of transit as it comes back`);
}
