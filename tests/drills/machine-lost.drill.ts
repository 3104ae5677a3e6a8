import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageTag } from '../../platform/cli/images/catalogue.ts';
import { docker, must } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { MACHINE_LOST, MACHINE_LOST_RPO, WAL_ARCHIVED } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { auditLacks, trailIsBroken } from './audit-trail.ts';
import type { Drill } from './drill.ts';
import { holdfast } from './holdfast.ts';

/** On another disk: the recovery kit, what opens it, and what of the repository had reached it. */
const ELSEWHERE = join(PROJECT, '.holdfast', '_machine-lost');
const KIT = join(ELSEWHERE, 'kit.age');
const PASSPHRASE_FILE = join(ELSEWHERE, 'passphrase');
const REPOSITORY = join(ELSEWHERE, 'repository');

/** When the last container had died: until then, somebody may have been told something. */
let gone_ms = 0;

export const machineLost: Drill = {
  page: 'machine-lost',
  budgetMs: MACHINE_LOST,
  rpoMaxMs: MACHINE_LOST_RPO,
  emptiesKafka: true,
  variables: { KIT, PASSPHRASE_FILE, REPOSITORY },
  remember: async ({ platform }) => {
    await rm(ELSEWHERE, { recursive: true, force: true });
    await mkdir(REPOSITORY, { recursive: true, mode: 0o700 });
    await writeFile(PASSPHRASE_FILE, `${randomBytes(12).toString('hex')}\n`, { mode: 0o600 });
    const exported = await holdfast(platform, 'recovery-kit', 'export', KIT, '--passphrase-file', PASSPHRASE_FILE);
    if (exported.exitCode !== 0) throw new Error(`there is no recovery kit: ${exported.stderr}`);
    // The clients' accounts have to be older than what may be lost.
    await Promise.all(Object.keys(platform.instance.clusters).map((cluster) => untilArchived(platform, cluster as 'core')));
  },
  disaster: async ({ platform, say }) => {
    const ofInstance = ['--filter', `label=com.docker.compose.project=${platform.instance.name}`];
    const listed = async (...words: string[]): Promise<string[]> => (await docker(...words, ...ofInstance)).trim().split('\n').filter(Boolean);
    const volumes = await listed('volume', 'ls', '--quiet');
    await docker('kill', ...await listed('ps', '--quiet', '--no-trunc'));
    gone_ms = Date.now();
    await docker('rm', '--force', ...await listed('ps', '--all', '--quiet', '--no-trunc'));
    await keepRepository(platform, volumes);
    await docker('volume', 'rm', ...volumes);
    await must('docker', ['network', 'rm', ...await listed('network', 'ls', '--quiet')]);
    await rm(platform.instance.directory, { recursive: true, force: true });
    say(`machine-lost: ${volumes.length} volumes and ${platform.instance.directory} are gone`);
    return {};
  },
  restoresTo: (_, { steps }) => {
    const cut = /Everything is as it was at (\S+ \S+)\. /.exec(steps.map(({ output }) => output).join('\n'))?.[1];
    if (cut === undefined) return Promise.reject(new Error('nothing says to which moment everything was recovered'));
    return Promise.resolve({ moment_ms: Date.parse(cut.replace(' ', 'T').replace('+00', 'Z')), placed_ms: gone_ms, isChosen: false });
  },
  alsoEqual: async ({ platform }) => [...await auditLacks(platform), ...await trailIsBroken(platform)],
  tidy: () => rm(ELSEWHERE, { recursive: true, force: true }),
};

async function untilArchived(platform: Platform, cluster: 'core' | `ledger${number}`): Promise<void> {
  const [now] = await platform.query<{ segment: string }>(cluster, 'postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn()) AS segment');
  await within(WAL_ARCHIVED, `WAL of ${cluster} in the repository`, async () => {
    const [archived] = await platform.query<{ segment: string | null }>(cluster, 'postgres', 'SELECT last_archived_wal AS segment FROM pg_stat_archiver');
    return archived?.segment && now && archived.segment >= now.segment ? true : undefined;
  });
}

/** Its disk is elsewhere: what had reached it when the machine was lost is there still. */
async function keepRepository({ instance: { name, settings } }: Platform, volumes: readonly string[]): Promise<void> {
  const parts = volumes.filter((volume) => volume.startsWith(`${name}_pgbackrest-`));
  const mounts = parts.flatMap((volume) => ['--volume', `${volume}:/from/${volume.slice(`${name}_pgbackrest-`.length)}:ro`]);
  await docker('run', '--rm', '--network', 'none', '--user', '0:0', ...mounts, '--volume', `${REPOSITORY}:/to`, imageTag(settings.registry, 'pgbackrest'), 'cp', '-a', '/from/.', '/to/');
}
