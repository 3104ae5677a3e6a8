import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { isDue } from '../schedule.ts';
import { prove } from './prove.ts';
import { keep, readKept, type Proof } from './result.ts';
import type { ProofSettings } from './settings.ts';

/**
 * The container that proves that backups can be restored. It has no network at all and reads the repository from its disk. Without arguments it proves once a day, when
 * the schedule says; a day on which the machine was off is made up for. With `now` it proves at once, and says the result on standard output.
 */
const RESULTS = '/var/lib/restore-proof';
const SECRETS = '/run/holdfast';
const LOOK_EVERY_MS = 20_000;
const ALIVE_EVERY_MS = 10_000;
const AGAIN_AFTER_FAILURE_MS = 900_000;
/** A new installation's first backups, and WAL behind them, take a minute or two. */
const AGAIN_BEFORE_THE_FIRST_MS = 60_000;

const settings = async (): Promise<ProofSettings> => JSON.parse(await readFile(`${SECRETS}/proof.json`, 'utf8')) as ProofSettings;

async function proveOnce(say: (detail: string) => void): Promise<Proof> {
  const kept = await readKept(RESULTS);
  const after = await prove({
    clusters: (await settings()).clusters, passphrase: (await readFile(`${SECRETS}/pgbackrest-cipher-passphrase`, 'utf8')).trim(),
    workDirectory: `${RESULTS}/work`, runDirectory: '/run/restore-proof', kept, say,
  });
  await keep(RESULTS, after);
  if (!after.last) throw new Error('a proof has no result');
  return after.last;
}

const told = (event: string, fields: object = {}): void => void process.stdout.write(`${JSON.stringify({ '@timestamp': new Date().toISOString(), 'log.level': 'info', message: event, ...fields })}\n`);

async function byTheSchedule(): Promise<never> {
  await keep(RESULTS, await readKept(RESULTS));
  // What the health check looks at.
  setInterval(() => void writeFile('/run/restore-proof/alive', ''), ALIVE_EVERY_MS);
  for (let triedAt = 0; ; ) {
    const { last_success_at } = await readKept(RESULTS);
    const { schedule } = await settings();
    const due = isDue(schedule, last_success_at === null ? undefined : new Date(last_success_at), new Date());
    if (due && Date.now() - triedAt > (last_success_at === null ? AGAIN_BEFORE_THE_FIRST_MS : AGAIN_AFTER_FAILURE_MS)) {
      triedAt = Date.now();
      await inTurn(() => proveOnce((detail) => told(detail))).then((proof) => told(`restore proof: ${proof.verdict}`, { proof }));
    }
    await pause(LOOK_EVERY_MS);
  }
}

/** One proof at a time, whoever asks: they share the room that they restore into. */
async function inTurn(work: () => Promise<Proof>): Promise<Proof> {
  const lock = `/run/restore-proof/busy`;
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
      if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
      else await pause(1000);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[2] === 'now') {
  const proof = await inTurn(() => proveOnce((detail) => void process.stderr.write(`${detail}\n`)));
  process.stdout.write(`${JSON.stringify(proof)}\n`);
} else {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
  await byTheSchedule();
}
