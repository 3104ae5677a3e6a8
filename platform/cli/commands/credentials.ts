import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { secrets, type SecretName } from '../../components.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { readSecret } from '../state/secrets.ts';

/** What a person signs in with; the rest is between components and stays in files. */
const FOR_PEOPLE: readonly SecretName[] = ['platform-admin-password', 'platform-operator-password', 'platform-auditor-password', 'keycloak-admin-password', 'grafana-admin-password', 'elasticsearch-reader-password'];

export function credentialsCommand(): Command {
  return new Command('credentials')
    .description('what people sign in with; generated for this installation, nothing has a default password')
    .argument('[secret]', 'print only this one, for scripts')
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const instance = await Instance.named(command);
      if (!existsSync(join(instance.directory, 'vault'))) throw new UserError(`instance "${instance.name}" has no secrets yet.`, ['Make it:  ./holdfast up']);
      if (name !== undefined) {
        if (!(name in secrets)) throw new UserError(`there is no secret "${name}".`, [`One of: ${FOR_PEOPLE.join(', ')}`], 2);
        console.log(await readSecret(instance.directory, name as SecretName));
        return;
      }
      for (const secret of FOR_PEOPLE) console.log(`${secrets[secret]}\n  ${await readSecret(instance.directory, secret)}`);
      console.log(`\nSign in at ${instance.url}/docs`);
    });
}
