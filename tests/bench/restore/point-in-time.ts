import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
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
  /** From the first step to leaders that serve what was restored. */
  readonly served_s: number;
  /** Of that, the time in which nothing of these clusters is served: from the first service that stops. */
  readonly still_s: number;
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
  const began = performance.now();
  const outcome = await platform.command('restore', '--to', point.toISOString(), ...CLUSTERS.flatMap((cluster) => ['--cluster', cluster]), '--reason', 'it is measured', '--yes', '--json');
  const command_s = (performance.now() - began) / 1_000;
  if (outcome.exitCode !== 0) throw new Error(`the restore failed: ${outcome.stderr.slice(-2_000)}`);
  const { took_s = {} } = JSON.parse(outcome.stdout) as Undertaking;
  const load = loadavg()[0] ?? 0;
  await platform.healthy(HEALED_AT_WORK);
  const account = await person.client.must<{ balance: string }>('GET', `/v1/accounts/${person.to}`);
  if (account.balance !== String(kept)) throw new Error(`${kept} were acknowledged before the point, and ${account.balance} are there`);
  const names = Object.keys(took_s);
  const between = (first: string, last: string): number => names.slice(Math.max(0, names.indexOf(first)), names.indexOf(last) + 1).reduce((sum, name) => sum + (took_s[name] ?? 0), 0);
  const [served_s, still_s] = [between(names[0] ?? '', 'place'), between('recover', 'place')];
  say(`restored to ${point.toISOString()} in ${command_s.toFixed(1)} s, leaders serve it after ${served_s.toFixed(1)} s, of which nothing is served for ${still_s.toFixed(1)} s: ${names.map((name) => `${name} ${took_s[name]}`).join(', ')}`);
  return { command_s, steps_s: took_s, served_s, still_s, data_bytes: size?.bytes ?? 0, load };
}

async function pay({ client, from, to }: Awaited<ReturnType<Platform['fundedCustomer']>>, writes: number): Promise<number> {
  const transfers = new SteadyTransfers(client, from, to, 5);
  await within(MONEY_MOVES, `${writes} transfers`, () => Promise.resolve(transfers.acknowledged >= writes ? true : undefined));
  return (await transfers.stop()).filter(({ status }) => status === 201).length;
}
