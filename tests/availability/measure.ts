import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Clients } from './clients.ts';
import { seen, type Seen } from './figures.ts';
import { CLUSTER, type Scenario, type World } from './scenarios.ts';

/** One fault, as the writers saw it. */
export interface Run extends Seen {
  readonly acknowledged: number;
  /** Answers that leave open what became of the request. */
  readonly unknown: number;
  /** Acknowledged, and not in the ledger. */
  readonly lost: number;
  /** Load average of the machine over the minute before. */
  readonly load: number;
  /** What was proven once writes went on. */
  readonly proof: string | undefined;
}

/** Runs a scenario again and again, with writers that never stop in between. */
export async function measure(world: World, clients: Clients, scenario: Scenario, runs: number, say: (line: string) => void): Promise<Run[]> {
  const done: Run[] = [];
  if (scenario.unguarded) await world.guard(false);
  if (scenario.alone) await world.holdfast('cluster', 'accept-risk', CLUSTER, '--for', '4h', '--reason', 'bench:availability measures the loss of a leader');
  try {
    while (done.length < runs) {
      const one = await strikeOnce(world, clients, scenario);
      done.push(one);
      say(`${scenario.name} ${done.length} of ${runs}: first write after ${(one.resumed_ms / 1000).toFixed(2)} s, gap ${(one.gap_ms / 1000).toFixed(2)} s, ${one.acknowledged} acknowledged, ${one.lost} lost, load ${one.load.toFixed(1)}${one.proof === undefined ? '' : `; ${one.proof}`}`);
    }
    return done;
  } finally {
    if (scenario.alone) await world.holdfast('cluster', 'accept-risk', CLUSTER, '--end');
    if (scenario.unguarded) await world.guard(true);
  }
}

async function strikeOnce(world: World, clients: Clients, scenario: Scenario): Promise<Run> {
  const begunMs = performance.now();
  await world.whole(scenario.unguarded === true);
  await clients.flowAfter(begunMs);
  const load = loadavg()[0] ?? 0;
  const { struckMs, resumed } = await scenario.strike(world);
  try {
    // A planned change is over when its command is: until then writes may still flow to the old leader.
    const proof = scenario.mend ? undefined : await resumed?.();
    await clients.flowAfter(performance.now());
    const proven = scenario.mend ? await resumed?.() : proof;
    const figures = seen(clients.acknowledgedAtMs(begunMs), struckMs);
    if (!figures) throw new Error('nothing was acknowledged after the fault');
    const told = clients.since(begunMs);
    const acknowledged = told.filter(({ verdict }) => verdict === 'acknowledged').map(({ key }) => key);
    return { ...figures, acknowledged: acknowledged.length, unknown: told.filter(({ verdict }) => verdict === 'unknown').length, lost: await missing(world, acknowledged), load, proof: proven };
  } finally {
    await scenario.mend?.(world);
  }
}

/** Asked of the node that leads now: it must know every key that was acknowledged. */
async function missing(world: World, keys: readonly string[]): Promise<number> {
  const [row] = await world.platform.query<{ n: number }>(CLUSTER, 'ledger', `SELECT count(*)::int AS n FROM idempotency_keys WHERE key IN (${keys.map((key) => `'${key}'`).join(',')})`);
  return keys.length - (row?.n ?? 0);
}
