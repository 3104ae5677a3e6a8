import { Command } from 'commander';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';
import { makePoint } from '../restore/points.ts';
import { parsePointName } from '../restore/target.ts';
import { refuseUnfinishedRestore } from '../restore/undertaking.ts';

export function restorePointCommand(): Command {
  return new Command('restore-point')
    .description('name this moment, so that the platform can be restored to it: before an upgrade, or a change of data by hand')
    .argument('<name>', 'small letters, digits, dashes and underscores, a letter first')
    .option('--by <name>', 'who makes it', process.env.HOLDFAST_OPERATOR ?? 'operator')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nPostings wait for it for some milliseconds, so that it is one moment of all clusters.\nExit status: 0 it is there and archived, 1 it is not, 2 wrong arguments.')
    .action(async (text: string, options: { by: string; json?: true }, command: Command) => {
      const name = parsePointName(text);
      const instance = await Instance.existing(command);
      await exclusively(instance, 'restore-point', async () => {
        await refuseUnfinishedRestore(instance);
        const { point, held_ms } = await new Progress(1).step(`restore point ${name}`, (say) => makePoint(instance, name, options.by, say));
        if (options.json) console.log(JSON.stringify({ ...point, held_ms }, null, 2));
        else console.log(`Restore point ${name}: ${Object.entries(point.lsn).map(([cluster, lsn]) => `${cluster} ${lsn}`).join(', ')}; postings waited ${held_ms} ms.\nBack to it:  ./holdfast restore --to ${name}`);
      });
    });
}
