import { loadavg } from 'node:os';
import type { Undertaking } from '../../../platform/cli/restore/undertaking.ts';
import { HEALED_AT_WORK, MONEY_MOVES } from '../../kit/budgets.ts';
import type { Platform } from '../../kit/platform.ts';
import { SteadyTransfers } from '../../kit/steady-transfers.ts';
import { within } from '../../kit/within.ts';

/** Both shards: one alone cannot go back, as money that it sent to the other would be there twice. */
const CLUSTERS = ['ledger0', 'ledger1'] as const;
const WRITES_BEFORE = 200;
const WRITES_AFTER = 50;

export interface PointInTime {
  /** Of the whole command, as whoever types it waits. */
  readonly command_s: number;
  /** Of each step, by its name, in their order. */
  readonly steps_s: Readonly<Record<string, number>>;
  /** From the command to leaders that serve what was restored. */
  readonly served_s: number;
  /** Of that, the time in which nothing of these clusters is served: from the first service that stops. */
  readonly still_s: number;
  /** From the first service that stops until all of them answer again. */
  readonly away_s: number;
  readonly data_bytes: number;
  readonly load: number;
}

/** Back to a moment before somebody's last transfers: those from before it have to be there, and none of those after. */
export async function pointInTime(platform: Platform, say: (text: string) => void): Promise<PointInTime> {
  await platform.healthy(HEALED_AT_WORK);
  const person = await platform.fundedCustomer(1_000_000n);
  const kept = await pay(person, WRITES_BEFORE);
  const point = new Date();
  await pay(person, WRITES_AFTER);
  const [size] = await platform.query<{ bytes: number }>('ledger0', 'postgres', 'SELECT sum(pg_database_size(oid))::bigint AS bytes FROM pg_database');
  const began = Date.now();
  const outcome = await platform.command('restore', '--to', point.toISOString(), ...CLUSTERS.flatMap((cluster) => ['--cluster', cluster]), '--reason', 'it is measured', '--yes', '--json');
  const command_s = (Date.now() - began) / 1_000;
  if (outcome.exitCode !== 0) throw new Error(`the restore failed: ${outcome.stderr.slice(-2_000)}`);
  const { took_s = {}, silent_at, placed_at, serving_at } = JSON.parse(outcome.stdout) as Undertaking;
  const between = (from: number, to?: string): number => (Date.parse(to ?? '') - from) / 1_000;
  const silent = Date.parse(silent_at ?? '');
  const [served_s, still_s, away_s] = [between(began, placed_at), between(silent, placed_at), between(silent, serving_at)];
  const load = loadavg()[0] ?? 0;
  await platform.healthy(HEALED_AT_WORK);
  const account = await person.client.must<{ balance: string }>('GET', `/v1/accounts/${person.to}`);
  if (account.balance !== String(kept)) throw new Error(`${kept} were acknowledged before the point, and ${account.balance} are there`);
  say(`restored to ${point.toISOString()} in ${command_s.toFixed(1)} s, leaders serve it after ${served_s.toFixed(1)} s, of which nothing is served for ${still_s.toFixed(1)} s, services answer after ${away_s.toFixed(1)} s: ${Object.entries(took_s).map(([name, took]) => `${name} ${took}`).join(', ')}`);
  return { command_s, steps_s: took_s, served_s, still_s, away_s, data_bytes: size?.bytes ?? 0, load };
}

async function pay({ client, from, to }: Awaited<ReturnType<Platform['fundedCustomer']>>, writes: number): Promise<number> {
  const transfers = new SteadyTransfers(client, from, to, 5);
  await within(MONEY_MOVES, `${writes} transfers`, () => Promise.resolve(transfers.acknowledged >= writes ? true : undefined));
  return (await transfers.stop()).filter(({ status }) => status === 201).length;
}
