import { Command } from 'commander';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { components, secrets, type SecretName } from '../../components.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';
import { rotateSecret } from '../rotate/secret.ts';
import { bringUp } from './up.ts';

export function rotateCommand(): Command {
  return new Command('rotate')
    .description('give a secret, or all certificates, a new value everywhere; the old one opens nothing any more')
    .argument('<secret>', 'its name, or "certificates"')
    .addHelpText('after', () => `\nSecrets:\n${Object.entries(secrets).map(([name, what]) => `  ${name.padEnd(34)} ${what}`).join('\n')}\n\nThose who read it are restarted one after the other; money moves on but for moments.\nExit status: 0 it is rotated, 1 something to mend (the message says what).`)
    .action(async (name: string, _options: object, command: Command) => {
      const instance = await Instance.existing(command);
      if (name !== 'certificates' && !(name in secrets)) throw new UserError(`there is no secret "${name}".`, [`One of: certificates, ${Object.keys(secrets).join(', ')}`], 2);
      await exclusively(instance, 'rotate', async () => {
        if (name === 'certificates') await rotateCertificates(instance);
        else {
          const restarted = await new Progress(1).step(`rotating ${name}`, (say) => rotateSecret(instance, name as SecretName, say));
          console.log(`${name} has a new value; restarted: ${restarted.join(', ') || 'nobody'}.`);
        }
      });
    });
}

/** Without its certificate a component is given a new key and a new one, and `up` restarts who has an older one in use, replicas before leaders. */
async function rotateCertificates(instance: Instance): Promise<void> {
  for (const name of Object.keys(components)) await rm(join(instance.directory, 'secrets', name, 'tls.crt'), { force: true });
  await bringUp(instance, {});
  console.log(`All ${Object.keys(components).length} components have a new key and a new certificate.`);
}
