import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { clustersOf, ledgerAddresses, LEDGERS_MAX } from '../../components.ts';
import { configureBackups } from '../backups/configure.ts';
import { runSetup, start } from '../commands/up.ts';
import { containersOf } from '../containers.ts';
import { UserError } from '../errors.ts';
import { waitForFirstBackups } from '../first-backup.ts';
import type { Instance } from '../instance.ts';
import { memoryAvailableBytes } from '../preflight/checks.ts';
import { Progress } from '../progress.ts';
import { ensureSecrets } from '../state/secrets.ts';
import { askLedger } from './ask-ledger.ts';
import { replaceReplicas } from './replace-replicas.ts';
import { tellOfAddedLedgers } from './tell-rooms.ts';

const NODES_BUDGET_SECONDS = 240;
const MIB = 1024 ** 2;
/** Two nodes of 256 MiB, their page cache, and a second replica of transactions for a moment. */
const MEMORY_MIB = 1_024;
const DISK_MIB = 3_072;

/**
 * Joins one more Postgres cluster to a running platform as the next shard of the ledger. It has no bucket then; `shards move` gives it some. Every step finds
 * out what is done already, so that after an interruption the same command goes on: the shard that was begun is written down first.
 */
export async function addShard(instance: Instance): Promise<{ shard: number; cluster: string; seconds: string }> {
  const progress = new Progress(7);
  const shard = await progress.step('preflight', () => begin(instance));
  const cluster = `ledger${shard}`;
  await progress.step(`certificates and addresses of ${cluster}`, async () => {
    await ensureSecrets(instance.directory, instance.publicNames, instance.settings.ledgers);
    await configureBackups(instance);
  });
  await progress.step(`Postgres cluster ${cluster}`, async (say) => {
    await start(instance, { services: clustersOf(instance.settings.ledgers)[cluster]?.nodes ?? [], budgetSeconds: NODES_BUDGET_SECONDS }, say);
    await tellOfAddedLedgers(instance);
  });
  await progress.step(`database of ${cluster}`, () => runSetup(instance, join(instance.directory, 'log', 'setup.log')));
  await progress.step(`first backup of ${cluster}`, (say) => waitForFirstBackups(instance, say));
  const addresses = `LEDGER_SHARDS=${ledgerAddresses(instance.settings.ledgers).join(',')}`;
  await progress.step('transactions, a replica after the other', (say) => replaceReplicas(instance, 'transactions', (environment) => !environment.includes(addresses), say));
  // After this buckets may be moved: everybody knows where it is, and it knows where they are.
  await progress.step(`map of the shards on ${cluster}`, () => askLedger(instance, ['join', String(shard)]));
  return { shard, cluster, seconds: progress.elapsed() };
}

/** Once it has joined and has its buckets: from now on the same command would add another one. */
export async function finishAdding(instance: Instance): Promise<void> {
  delete instance.settings.joiningLedger;
  await instance.save();
}

/** The number of the shard that joins, once nothing speaks against it and it is written down. */
async function begin(instance: Instance): Promise<number> {
  const { settings } = instance;
  const ill = (await containersOf(instance)).filter(({ service, health }) => ['etcd', 'pg-router', 'pgbackrest', 'transactions'].includes(service) && health === 'stopped');
  const running = (await containersOf(instance)).some(({ service, health }) => service === 'transactions' && health !== 'stopped');
  if (ill.length > 0 || !running) throw new UserError(`a shard joins a running platform, and ${ill[0]?.service ?? 'transactions'} is stopped.`, ['Start it:  ./holdfast up']);
  if (settings.joiningLedger !== undefined) return settings.joiningLedger;

  if (settings.ledgers >= LEDGERS_MAX) throw new UserError(`the ledger has ${settings.ledgers} shards already, and its topic has as many partitions: more there cannot be.`);
  await refuseWithoutRoom(instance);
  settings.joiningLedger = settings.ledgers;
  settings.ledgers += 1;
  await instance.save();
  return settings.joiningLedger;
}

async function refuseWithoutRoom(instance: Instance): Promise<void> {
  const memoryMib = Math.floor(memoryAvailableBytes(await readFile('/proc/meminfo', 'utf8')) / MIB);
  if (memoryMib < MEMORY_MIB) throw new UserError(`${memoryMib} MiB of memory are free: a shard needs ${MEMORY_MIB}.`, ['See what uses it:  ps aux --sort=-rss | head', 'Nothing was changed.']);
  const disk = await statfs(join('/host', instance.settings.dockerRoot)).catch(() => statfs('/'));
  const diskMib = Math.floor((disk.bavail * disk.bsize) / MIB);
  if (diskMib < DISK_MIB) throw new UserError(`${diskMib} MiB of disk are free for Docker's data: a shard needs ${DISK_MIB} to begin with.`, ['See what uses it:  docker system df', 'Nothing was changed.']);
}
