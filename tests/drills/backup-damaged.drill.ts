import type { Shown } from '../../platform/cli/backups/scheduler.ts';
import { BACKUP_DAMAGED } from '../kit/budgets.ts';
import type { Drill, Scene } from './drill.ts';

const CLUSTER = 'ledger0';
/** Where the only container that may write backups has them. */
const BACKUPS = `/var/lib/pgbackrest/backup/${CLUSTER}`;

let damaged = '';

/** A disk gives back other bytes than were written, in one file of the last full backup. Nobody notices until it is read: that is what verification is for. */
export const backupDamaged: Drill = {
  page: 'backup-damaged',
  budgetMs: BACKUP_DAMAGED,
  variables: { CLUSTER },
  disaster: async (scene) => {
    const full = (await backupsOf(scene)).findLast(({ type, state }) => type === 'full' && state !== 'damaged');
    if (!full) throw new Error(`there is no good full backup of ${CLUSTER} to damage`);
    damaged = full.label;
    // In a file of data, which is encrypted: six bytes spoil the block that they are in, and the one after it.
    const file = await scene.platform.inside('backup-scheduler', 'sh', '-euc', `
      file=$(find "$1" -type f -size +8k ! -name 'backup.manifest*' | sort | head -n 1)
      test -n "$file"
      printf broken | dd of="$file" bs=1 seek=4096 conv=notrunc status=none
      echo "$file"`, 'sh', `${BACKUPS}/${damaged}`);
    scene.say(`backup-damaged: six bytes of ${file.trim()} are others`);
    return {};
  },
  alsoEqual: async (scene) => {
    const left = await backupsOf(scene);
    const rules: [boolean, string][] = [
      [left.every(({ label, standsOn }) => label !== damaged && !standsOn.includes(damaged)), `${damaged}, which is damaged, is still there, or one that stands on it`],
      [left.some(({ type, label, state }) => type === 'full' && label > damaged && state !== 'damaged'), 'no full backup was taken since'],
    ];
    return rules.filter(([holds]) => !holds).map(([, what]) => what);
  },
};

/** Oldest first. Asked of the scheduler, as `./holdfast backups` ends with 1 for troubles of other clusters, too. */
async function backupsOf({ platform }: Scene): Promise<Shown['backups']> {
  const shown = JSON.parse(await platform.inside('backup-scheduler', 'node', '--disable-warning=ExperimentalWarning', '/app/backups/scheduler/by-hand.ts', 'show')) as Shown;
  return shown.backups.filter(({ cluster, repository }) => cluster === CLUSTER && repository === 1).toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}
