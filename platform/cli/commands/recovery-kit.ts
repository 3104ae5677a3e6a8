import { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { asCalled } from '../../release/in-release-image.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';
import { writeRecovery } from '../recover/progress-file.ts';
import type { Lock, Opener } from '../recovery-kit/age.ts';
import { readableHere, writeHostFile } from '../recovery-kit/host-files.ts';
import { openKit, packKit, refuseOverInstance, unpackKit, type Manifest, type OpenedKit } from '../recovery-kit/kit.ts';
import { knownPassphrase, newPassphrase } from '../recovery-kit/passphrase.ts';
import { kitState, rememberKit, tellKitState, type KitState } from '../recovery-kit/record.ts';

export function recoveryKitCommand(): Command {
  const kit = new Command('recovery-kit').description('every secret and key of the platform in one encrypted file: with it and a backup, another machine takes over');
  kit.addCommand(exportCommand().exitOverride());
  kit.addCommand(inspectCommand().exitOverride());
  kit.addCommand(checkCommand().exitOverride());
  kit.addCommand(importCommand().exitOverride());
  return kit;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

function exportCommand(): Command {
  return new Command('export')
    .description('write the kit; keep it off this machine, and apart from its passphrase')
    .argument('<file>', 'where to write it')
    .option('--passphrase-file <file>', 'its first line is the passphrase, instead of asking for it')
    .option('--recipient <key>', 'lock it for a public key of age (age1…) instead; may be repeated', collect)
    .option('--json', 'what is in it, for programs')
    .addHelpText('after', '\nIt is a tar in age encryption: `age -d FILE | tar -t` opens it, too.\nExit status: 0 written, 1 something to mend (the message says what), 2 wrong arguments.')
    .action(async (target: string, options: { passphraseFile?: string; recipient?: string[]; json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      if (options.recipient && options.passphraseFile !== undefined) throw new UserError('a kit is locked with a passphrase or for keys (--recipient), not both.', [], 2);
      const how: Lock = options.recipient ? { recipients: options.recipient } : { passphrase: await newPassphrase(options.passphraseFile) };
      const file = asCalled(target);
      const manifest = await exclusively(instance, 'recovery-kit export', async () => {
        const progress = new Progress(2);
        const packed = await progress.step('encrypting', () => packKit(instance, how));
        await progress.step('writing, and reading it again', async () => {
          await writeHostFile(file, packed.kit, instance.settings.registry);
          // From the disk, and opened where that can be done: a kit that cannot be opened is worse than none.
          const written = await readFile(readableHere(file));
          if (!written.equals(packed.kit)) throw new UserError(`${file} does not read as it was written.`, ['Write it to another disk.']);
          if ('passphrase' in how) await openKit(written, { passphrase: how.passphrase }, file);
        });
        await rememberKit(instance, file, packed.manifest.made_at);
        return packed.manifest;
      });
      if (options.json) {
        console.log(JSON.stringify({ file, ...manifest }, null, 2));
        return;
      }
      for (const path of manifest.left_out) console.log(`not in it, as it is larger than any secret: ${path}`);
      console.log(`${file}: ${manifest.files.length} files, locked ${'passphrase' in how ? 'with your passphrase' : `for ${how.recipients.length} key${how.recipients.length === 1 ? '' : 's'}`}.`);
      console.log('Keep it off this machine, and what opens it somewhere else. Without both, nobody can read the backups.');
    });
}

interface OpenOptions {
  passphraseFile?: string;
  identityFile?: string;
}

/** The options that say how a kit is opened; also those of `recover`. */
export function withOpeningOptions(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'its first line is the passphrase, instead of asking for it')
    .option('--identity-file <file>', 'the secret key (of age-keygen), where the kit was made for one');
}

/** Reads a kit and opens it. */
export async function openKitFile(target: string, options: OpenOptions): Promise<OpenedKit> {
  const file = asCalled(target);
  const kit = await readFile(readableHere(file)).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`the kit ${file} cannot be read (${error.code ?? error.message}).`, ['Is the disk that it is on mounted?'], 2);
  });
  return openKit(kit, await openerOf(options), file);
}

async function openerOf({ passphraseFile, identityFile }: OpenOptions): Promise<Opener> {
  if (identityFile === undefined) return { passphrase: await knownPassphrase(passphraseFile) };
  const text = await readFile(readableHere(identityFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`the identity file ${identityFile} cannot be read (${error.code ?? error.message}).`, [], 2);
  });
  return { identities: text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#')).map((line) => line.trim()) };
}

function inspectCommand(): Command {
  return withOpeningOptions(new Command('inspect'))
    .description('what is in a kit: names and versions, never a value')
    .argument('<file>', 'the kit')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 it opens and is whole, 1 it does not or is not, 2 wrong arguments.')
    .action(async (file: string, options: OpenOptions & { json?: true }) => {
      const { manifest } = await openKitFile(file, options);
      if (options.json) console.log(JSON.stringify(manifest, null, 2));
      else print(manifest);
    });
}

function print(manifest: Manifest): void {
  console.log(`Recovery kit of instance "${manifest.instance}" (${manifest.url}), made ${manifest.made_at}`);
  console.log(`  by Holdfast ${manifest.versions['HOLDFAST_VERSION'] ?? '?'}${manifest.commit === null ? '' : `, commit ${manifest.commit.slice(0, 12)}`}; PostgreSQL ${manifest.versions['POSTGRES_MAJOR'] ?? '?'}, pgBackRest ${manifest.versions['PGBACKREST_VERSION'] ?? '?'}`);
  console.log(`  clusters ${manifest.clusters.join(', ')}; shards 0 to ${manifest.ledger_clusters.length - 1}: ${manifest.ledger_clusters.join(', ')}`);
  console.log(`  ${manifest.files.length} files:`);
  for (const { path, size_bytes } of manifest.files) console.log(`    ${path}  ${size_bytes} bytes`);
}

function checkCommand(): Command {
  return new Command('check')
    .description('does the newest kit have the secrets as they are now?')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 it has, 1 there is none, or it is out of date.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const state = await kitState(instance);
      await tellKitState(instance);
      if (options.json) console.log(JSON.stringify(state, null, 2));
      else console.log(sentenceOf(state));
      process.exitCode = state.current ? 0 : 1;
    });
}

function sentenceOf(state: KitState): string {
  if (state.made_at === null) return 'There is no recovery kit: if this machine is lost, nobody can read the backups.\nMake one:  ./holdfast recovery-kit export FILE';
  const kit = `The newest recovery kit (${state.file}, ${state.made_at})`;
  if (state.current) return `${kit} has every secret as it is now.`;
  const differing = [...state.changed.map((name) => `changed since: ${name}`), ...state.added.map((name) => `not in it:     ${name}`)];
  return `${kit} is out of date:\n  ${differing.join('\n  ')}\nMake a new one:  ./holdfast recovery-kit export FILE`;
}

function importCommand(): Command {
  return withOpeningOptions(new Command('import'))
    .description('give a machine that has no instance the secrets and settings of a kit')
    .argument('<file>', 'the kit')
    .addHelpText('after', '\nIt is put over nothing that is there.\nExit status: 0 imported, 1 something to mend (the message says what), 2 wrong arguments.')
    .action(async (file: string, options: OpenOptions, command: Command) => {
      const instance = await Instance.named(command);
      await refuseOverInstance(instance);
      const kit = await openKitFile(file, options);
      await exclusively(instance, 'recovery-kit import', async () => {
        await unpackKit(kit, instance.directory);
        await writeRecovery(instance, { phase: 'imported', began_at: new Date().toISOString() });
      });
      console.log(`Instance "${instance.name}" has the secrets and settings of the kit of ${kit.manifest.made_at}.`);
      console.log('Bring its data back:  ./holdfast recover --repository DIR');
    });
}
