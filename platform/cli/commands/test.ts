import { Command, Option } from 'commander';
import { UserError } from '../errors.ts';
import { imageTag } from '../images/catalogue.ts';
import { Instance } from '../instance.ts';
import { plain, progressToStandardOutput } from '../progress.ts';
import { STAGES, TestRun, type StageName } from '../test-run.ts';

export function testCommand(): Command {
  return new Command('test')
    .description('run every test, on an instance of its own that never touches a running installation')
    .addOption(new Option('--only <stage>', 'one stage').choices(STAGES))
    .option('--full', 'also the tests that take hours')
    .option('--keep', 'leave the instance of the tests running (./holdfast --instance holdfast-test down --purge ends it)')
    .option('--drills', 'every drill and nothing else; run again, it goes on with those that have not passed, and writes runbooks/PROVEN.md')
    .option('--shard <i/n>', 'of the drills, the i-th of n parts')
    .option('--grep <text>', 'of the end-to-end tests, only those whose name has this')
    .addHelpText('after', '\nExit status: 0 all passed, 1 something failed. The last line counts both; what failed is named before it.')
    .action(async (options: { only?: StageName; full?: true; keep?: true; grep?: string; drills?: true; shard?: string }) => {
      if (options.shard && !options.drills) throw new UserError('--shard is a part of the drills.', ['Say:  ./holdfast test --drills --shard 1/3'], 2);
      progressToStandardOutput();
      const instance = await Instance.open('holdfast-test');
      instance.settings.port = 18_443;
      const run = new TestRun(instance, imageTag(instance.settings.registry, 'tests'), options);
      const { passed, failures } = await run.all(options.drills ? ['drills'] : options.only ? [options.only] : STAGES);
      if (failures.length > 0) plain(`\nWhat failed:\n${failures.map(({ name, why }) => `  ${name}\n${why.replaceAll(/^/gm, '      ')}`).join('\n')}`);
      plain(`\n${passed} passed, ${failures.length} failed`);
      process.exitCode = failures.length > 0 || passed === 0 ? 1 : 0;
    });
}
