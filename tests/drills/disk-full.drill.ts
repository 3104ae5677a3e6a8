import { DISK_FELT, DISK_FULL, REPLICA_LOST, SWITCHED_OVER } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Drill, Scene } from './drill.ts';
import { holdfast } from './holdfast.ts';
import { SmallDisk } from './small-disk.ts';

const CLUSTER = 'ledger0';
/** Enough for the databases and the WAL of a few minutes. */
const SIZE_MIB = 2_048;
/** What somebody has left on the disk. */
const STRANGER = '/var/lib/postgresql/dump-before-the-audit.sql';

let node = '';

/** The node that leads is on a disk of its own, which is small, and something that is not the platform's fills it to the last byte: Postgres refuses to write, and is felled by its next checkpoint. */
export const diskFull: Drill = {
  page: 'disk-full',
  budgetMs: DISK_FULL,
  variables: { CLUSTER },
  remember: async (scene) => {
    node = await scene.damage.node(CLUSTER, 'replica');
    await rebuilt(scene, (disk) => disk.make(SIZE_MIB));
    await within(SWITCHED_OVER, `${node} to lead`, async () => ((await holdfast(scene.platform, 'switchover', CLUSTER)).exitCode === 0 ? true : undefined));
    await inStep(scene);
  },
  disaster: async ({ platform, say }) => {
    if ((await platform.leaderOf(CLUSTER)) !== node) throw new Error(`${node} does not lead, so that its disk would stop nobody`);
    const began = new Date();
    // Reserved at once, as a large file that is copied; then to the last byte.
    await platform.inside(node, 'sh', '-c', `
      fallocate -l "$(($(df -k --output=avail /var/lib/postgresql | tail -n 1) - 1024))K" "$1"
      dd if=/dev/zero of="$1" bs=4k oflag=append conv=notrunc status=none || true`, 'sh', STRANGER);
    say(`disk-full: ${(await platform.inside(node, 'df', '-h', '/var/lib/postgresql')).trim().split('\n').at(-1)}`);
    await within(DISK_FELT, 'a posting to be refused for want of room', async () => ((await saidSince(platform, began)).includes('could not extend file') ? true : undefined));
    // It leads on and refuses, until its next checkpoint, at most 15 minutes later: that comes now. Whoever leads then, or nobody, acknowledges nothing.
    await platform.inside(node, 'psql', '-X', '-q', '-c', 'CHECKPOINT').catch(() => undefined);
    await within(DISK_FELT, 'Postgres to be felled', async () => (/PANIC: .*No space left on device/.test(await saidSince(platform, began)) ? true : undefined));
    return { NODE: node, STRANGER };
  },
  tidy: async (scene) => {
    const { platform } = scene;
    // Only a replica may lose its data.
    if ((await platform.leaderOf(CLUSTER)) === node) {
      await inStep(scene);
      await within(SWITCHED_OVER, `${node} to follow`, async () => ((await holdfast(platform, 'switchover', CLUSTER)).exitCode === 0 ? true : undefined));
    }
    await rebuilt(scene);
  },
};

/** The node from the repository, on an empty disk: that which `prepare` makes, or an ordinary one. */
async function rebuilt(scene: Scene, prepare?: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const disk = new SmallDisk(scene.platform, node);
  await scene.platform.instance.compose(['rm', '--force', '--stop', node]);
  await disk.remove();
  await prepare?.(disk);
  await scene.platform.instance.compose(['up', '-d', '--no-deps', '--no-build', node]);
  await inStep(scene);
}

async function saidSince({ instance }: Scene['platform'], since: Date): Promise<string> {
  const { stdout, stderr } = await instance.tryCompose(['logs', '--no-color', '--since', since.toISOString(), node]);
  return stdout + stderr;
}

async function inStep({ platform }: Scene): Promise<void> {
  await within(REPLICA_LOST, `both nodes of ${CLUSTER} in step`, async () => {
    const { exitCode, stdout } = await holdfast(platform, 'cluster', 'show', CLUSTER);
    if (exitCode !== 0) throw new Error(stdout);
    return true;
  });
}
