import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { run } from '../../../platform/cli/run.ts';
import { PROJECT } from '../../../platform/cli/versions.ts';
import { Clients } from '../../availability/clients.ts';
import { HEALED_AT_WORK, WAL_ARCHIVED } from '../../kit/budgets.ts';
import { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { loseMachine } from './lose-machine.ts';

const ELSEWHERE = join(PROJECT, '.holdfast', '_bench-restore');
const KIT = join(ELSEWHERE, 'kit.age');
const PASSPHRASE_FILE = join(ELSEWHERE, 'passphrase');
const REPOSITORY = join(ELSEWHERE, 'repository');

export interface WholeMachine {
  /** From the command to a platform that is up, verified, and has made a transfer. */
  readonly command_s: number;
  /** As `recover` tells it: from its first step until the leaders of the databases serve. */
  readonly data_s: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** From the first acknowledgement that is lost until the machine was; what was acknowledged before that is there. */
  readonly rpo_s: number;
  readonly said: readonly string[];
  readonly load: number;
}

/** Everything is lost but the repository and the recovery kit, while clients write down what they are told. */
export async function wholeMachine(platform: Platform, say: (text: string) => void): Promise<WholeMachine> {
  const { name } = platform.instance;
  await rm(ELSEWHERE, { recursive: true, force: true });
  await mkdir(ELSEWHERE, { recursive: true, mode: 0o700 });
  try {
    await writeFile(PASSPHRASE_FILE, `${randomBytes(12).toString('hex')}\n`, { mode: 0o600 });
    const kit = await platform.command('recovery-kit', 'export', KIT, '--passphrase-file', PASSPHRASE_FILE);
    if (kit.exitCode !== 0) throw new Error(`there is no recovery kit: ${kit.stderr}`);
    const clients = await Clients.gather(platform, say);
    const begunMs = performance.now();
    clients.start();
    await clients.flowAfter(begunMs);
    // What is in the repository has to end somewhere within what they were told.
    await untilArchived(platform);
    const goneMs = await loseMachine(platform, REPOSITORY);
    await clients.stop();
    platform.close();
    say('the machine is gone');
    const recoverMs = performance.now();
    const { exitCode, stdout, stderr } = await run(join(PROJECT, 'holdfast'), ['--instance', name, 'recover', '--kit', KIT, '--passphrase-file', PASSPHRASE_FILE, '--repository', REPOSITORY, '--json']);
    const command_s = (performance.now() - recoverMs) / 1_000;
    if (exitCode !== 0) throw new Error(`it was not recovered: ${stderr.slice(-3_000)}`);
    const load = loadavg()[0] ?? 0;
    const { data_seconds } = JSON.parse(stdout) as { data_seconds: number };
    const told = clients.since(begunMs).filter(({ verdict, endMs }) => verdict === 'acknowledged' && endMs <= goneMs);
    const lost = await missing(told.map(({ key }) => key));
    const firstLostMs = Math.min(goneMs, ...told.filter(({ key }) => lost.has(key)).map(({ endMs }) => endMs));
    const result = { command_s, data_s: data_seconds, acknowledged: told.length, lost: lost.size, rpo_s: (goneMs - firstLostMs) / 1_000, said: stderr.split('\n').filter((line) => line.includes('done (')), load };
    say(`recovered in ${command_s.toFixed(1)} s (its data after ${data_seconds} s); of ${told.length} acknowledged, the last ${result.rpo_s.toFixed(1)} s are lost (${lost.size})`);
    return result;
  } finally {
    await rm(ELSEWHERE, { recursive: true, force: true });
  }
}

async function untilArchived(platform: Platform): Promise<void> {
  const [now] = await platform.query<{ segment: string }>('ledger0', 'postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn()) AS segment');
  await within(WAL_ARCHIVED, 'WAL with their transfers in the repository', async () => {
    const [archived] = await platform.query<{ segment: string | null }>('ledger0', 'postgres', 'SELECT last_archived_wal AS segment FROM pg_stat_archiver');
    return archived?.segment && now && archived.segment >= now.segment ? true : undefined;
  });
}

/** Which of these keys the recovered ledger does not know. */
async function missing(keys: readonly string[]): Promise<Set<string>> {
  const platform = await Platform.attach();
  try {
    await platform.healthy(HEALED_AT_WORK);
    const there = await platform.query<{ key: string }>('ledger0', 'ledger', `SELECT key FROM idempotency_keys WHERE key LIKE 'availability-%'`);
    const known = new Set(there.map(({ key }) => key));
    return new Set(keys.filter((key) => !known.has(key)));
  } finally {
    platform.close();
  }
}
