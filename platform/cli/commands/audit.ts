import { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { report, verifyExport } from '../../audit-verifier/verify-audit.mjs';
import { components } from '../../components.ts';
import { authoriseAuditRestore } from '../audit/authorise-restore.ts';
import { createHostFile, giveDirectory } from '../audit/host-file.ts';
import { auditKey } from '../audit/key.ts';
import { askTrail, askTrailOnce } from '../audit/trail.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { operatorName } from '../operator-log.ts';
import { Progress } from '../progress.ts';

const EXIT_USAGE = 2;
const EXIT_UNREADABLE = 3;
/** One is written every minute. */
const LATE_MS = 5 * 60_000;

export function auditCommand(): Command {
  const audit = new Command('audit').description('the audit trail: verify it, and take out of it what others can verify');
  audit
    .command('verify')
    .description('compute the whole trail again and hold it against its signed checkpoints')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nExit status: 0 intact, 1 something was found (each finding says where), 3 it could not be read.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const result = await new Progress(1).step('verifying the audit trail', (say) => verify(instance, say));
      const last_ms = Date.parse(result.last_checkpoint?.time ?? '');
      const late = Date.now() - last_ms > LATE_MS;
      if (options.json) console.log(JSON.stringify({ ...result, last_checkpoint_is_late: late }, null, 2));
      else {
        console.log(report(result));
        if (late) console.log(`○ the last checkpoint is ${Math.round((Date.now() - last_ms) / 60_000)} minutes old: is the service there?  ./holdfast logs audit`);
        if (result.verdict === 'broken') console.log('Act:  runbooks/procedures/audit-tampered.md');
      }
      process.exitCode = result.verdict === 'intact' ? 0 : 1;
    });
  audit
    .command('export')
    .description('entries and checkpoints into a file that can be verified anywhere (platform/audit-verifier)')
    .argument('<file>', 'made anew; compressed if it ends in .gz')
    .option('--from <bound>', 'first entry: its number, or a time such as 2026-01-31T00:00:00Z')
    .option('--to <bound>', 'last entry: its number, or the time until which it was recorded')
    .addHelpText('after', '\nEntries that are left out stand in it as hashes, so that the rest can be proven.')
    .action(async (file: string, { from, to }: { from?: string; to?: string }, command: Command) => {
      const instance = await Instance.existing(command);
      await new Progress(1).step(`exporting the audit trail to ${file}`, (say) => writeOut(instance, file, ['export', from ?? '', to ?? ''], say));
      console.log(`Verify it, anywhere:  node verify-audit.mjs ${basename(file)} --key '${await auditKey(instance)}'`);
    });
  audit
    .command('prove')
    .description('one event, with what proves that it stands in the signed trail, in a file')
    .argument('<event>', 'its id, or the number of its entry')
    .argument('<file>', 'made anew')
    .action(async (event: string, file: string, _options: object, command: Command) => {
      const instance = await Instance.existing(command);
      await writeOut(instance, file, ['prove', event], () => undefined);
      console.log(`Verify it, anywhere:  node verify-audit.mjs ${basename(file)} --key '${await auditKey(instance)}'`);
    });
  audit
    .command('show')
    .description('one entry')
    .argument('<event>', 'the id of its event, or its number')
    .action(async (event: string, _options: object, command: Command) => {
      console.log(JSON.stringify(await askTrailOnce(await Instance.existing(command), ['show', event]), null, 2));
    });
  audit
    .command('key')
    .description('the public key of the checkpoints: to be kept by whoever verifies them, from the first day')
    .action(async (_options: object, command: Command) => console.log(await auditKey(await Instance.existing(command))));
  audit
    .command('second-place')
    .description('keep the checkpoints in a second directory too, best on another machine; without one: say which it is')
    .argument('[directory]', 'absolute; or "none"')
    .option('--path', 'only the directory, for scripts')
    .action(async (directory: string | undefined, { path }: { path?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      if (directory !== undefined) await setSecondPlace(instance, directory);
      const { auditSecondPlace } = instance.settings;
      if (path) return console.log(auditSecondPlace ?? 'none');
      console.log(auditSecondPlace === undefined ? 'Checkpoints are kept in one place only. Name a second:  ./holdfast audit second-place /mnt/other-machine/checkpoints' : `Checkpoints are kept in ${auditSecondPlace} as well.`);
    });
  audit
    .command('authorise-restore')
    .description('say, signed, that the database of the trail was set back by a restore that was meant')
    .requiredOption('--why <text>', 'for whoever reads the trail in years')
    .addHelpText('after', '\nWhat was kept must agree with every checkpoint of it. What was given up is named in each verification from then on.')
    .action(async ({ why }: { why: string }, command: Command) => {
      const instance = await Instance.existing(command);
      const { kept, size, epoch } = await authoriseAuditRestore(instance, { by: operatorName(), why });
      console.log(`Authorised: the trail goes on from its first ${kept} entries, as epoch ${epoch}; the checkpoint is of ${size}.`);
    });
  return audit;
}

async function verify(instance: Instance, say: (detail: string) => void): ReturnType<typeof verifyExport> {
  const { auditSecondPlace } = instance.settings;
  const copy = auditSecondPlace === undefined ? undefined : join('/host', auditSecondPlace, 'checkpoints.txt');
  const copies = copy === undefined ? [] : [{ name: 'the second place', text: await readFile(copy, 'utf8').catch(() => '') }];
  const program = askTrail(instance, ['export'], say);
  try {
    const result = await verifyExport(program.output, { keys: [await auditKey(instance)], copies, onProgress: (entries) => say(`${entries} entries`) });
    await program.finished();
    return result;
  } catch (error) {
    // What the program itself says comes before what its unfinished output means.
    await program.finished();
    throw new UserError(`the trail could not be read: ${(error as Error).message}`, ['Look:  ./holdfast status'], EXIT_UNREADABLE);
  }
}

/** Whole or not at all. */
async function writeOut(instance: Instance, file: string, words: readonly string[], say: (detail: string) => void): Promise<void> {
  const target = createHostFile(instance, file);
  const program = askTrail(instance, words, say);
  try {
    await (file.endsWith('.gz') ? pipeline(program.output, createGzip(), target.stream) : pipeline(program.output, target.stream));
    await program.finished();
    await target.commit();
  } catch (error) {
    await target.abandon();
    throw error;
  }
}

async function setSecondPlace(instance: Instance, directory: string): Promise<void> {
  if (directory !== 'none' && !isAbsolute(directory)) throw new UserError(`"${directory}" is not an absolute path.`, [], EXIT_USAGE);
  if (directory === 'none') delete instance.settings.auditSecondPlace;
  else instance.settings.auditSecondPlace = directory;
  if (directory !== 'none') await giveDirectory(instance, directory, components.audit.uid);
  await instance.save();
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'audit']);
}
