import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { components, type Component, type SecretName } from '../../components.ts';
import { runSetup } from '../commands/up.ts';
import { waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { run } from '../run.ts';
import { ensureSecrets } from '../state/secrets.ts';

/**
 * Who keeps a secret beside the vault, and so has to be told of a new one.
 * file: its server reads it when it starts. client: the setup job puts it into Keycloak. password: Keycloak changes it, asked by `platform/setup/change-password.ts`.
 */
type Way = { readonly kind: 'file'; readonly server: string } | { readonly kind: 'client' | 'password' } | { readonly kind: 'not_here'; readonly why: string; readonly next: string };

const WAYS: Record<SecretName, Way> = {
  'keycloak-admin-password': { kind: 'password' },
  'platform-admin-password': { kind: 'password' },
  'platform-operator-password': { kind: 'password' },
  'platform-auditor-password': { kind: 'password' },
  'keycloak-client-users': { kind: 'client' },
  'keycloak-client-gateway': { kind: 'client' },
  'keycloak-client-grafana': { kind: 'client' },
  'keycloak-client-audit': { kind: 'client' },
  'audit-signing-key': { kind: 'not_here', why: 'every checkpoint of the audit trail is verified with its public half, and auditors keep that', next: 'Whoever has it needs the file of checkpoints and the second place, too: keep them from him, and export the trail now:  ./holdfast audit export trail.ndjson.gz' },
  'redis-gateway-password': { kind: 'file', server: 'redis' },
  'redis-reporting-password': { kind: 'file', server: 'redis' },
  'elasticsearch-superuser-password': { kind: 'file', server: 'elasticsearch' },
  'elasticsearch-audit-password': { kind: 'file', server: 'elasticsearch' },
  'elasticsearch-logs-password': { kind: 'file', server: 'elasticsearch' },
  'elasticsearch-reader-password': { kind: 'file', server: 'elasticsearch' },
  'elasticsearch-metrics-password': { kind: 'file', server: 'elasticsearch' },
  'elasticsearch-kibana-password': { kind: 'file', server: 'elasticsearch' },
  'elasticsearch-snapshots-password': { kind: 'file', server: 'elasticsearch' },
  'pgbackrest-cipher-passphrase': { kind: 'not_here', why: 'every backup that there is, is encrypted with it', next: 'Whoever has it needs the backups, too: keep them from him. A new passphrase wants a new repository.' },
  'pgbackrest-second-cipher-passphrase': { kind: 'not_here', why: 'every backup in the second repository is encrypted with it', next: 'Whoever has it needs that repository, too: keep it from him. A new passphrase wants a new repository.' },
  'grafana-admin-password': { kind: 'not_here', why: 'Grafana keeps it in its own database', next: 'Change it in Grafana: Profile, Change password.' },
  'grafana-encryption-key': { kind: 'not_here', why: 'what Grafana has encrypted with it could not be read any more', next: 'Enter the credentials of data sources in Grafana anew instead.' },
  'kibana-encryption-key': { kind: 'not_here', why: 'what Kibana has encrypted with it could not be read any more', next: 'Change the password that Kibana uses instead:  ./holdfast rotate elasticsearch-kibana-password' },
};

const HEALTHY_SECONDS = 180;

/** Gives a secret a new value everywhere, and restarts those who read it, one after the other. The old value opens nothing any more. */
export async function rotateSecret(instance: Instance, name: SecretName, say: (detail: string) => void): Promise<string[]> {
  const way = WAYS[name];
  if (way.kind === 'not_here') throw new UserError(`${name} cannot be rotated: ${way.why}.`, [way.next], 2);
  const original = join(instance.directory, 'vault', name);
  const next = await nextValue(`${original}.next`);
  if (way.kind === 'password') {
    say('at Keycloak');
    await changePassword(instance, name, next);
  }
  await rename(`${original}.next`, original);
  await ensureSecrets(instance.directory, instance.publicNames, instance.settings.ledgers);
  if (way.kind === 'client') {
    say('at Keycloak');
    await runSetup(instance, join(instance.directory, 'log', 'setup.log'));
  }
  const readers = (Object.entries(components) as [string, Component][]).filter(([, { secrets }]) => secrets?.includes(name)).map(([component]) => component);
  const restarted = [...new Set([...(way.kind === 'file' ? [way.server] : []), ...readers])].filter((component) => way.kind !== 'password' || component !== 'keycloak').filter((component) => component !== 'setup');
  for (const component of restarted) {
    say(`restarting ${component}`);
    const outcome = await instance.tryCompose(['restart', component]);
    if (outcome.exitCode !== 0) continue; // It does not run here: Grafana and Kibana need their vendors' images.
    await waitUntilHealthy(instance, [component], HEALTHY_SECONDS, say);
  }
  return restarted;
}

/** Written down before anybody is told: whoever is interrupted goes on with the same one. */
async function nextValue(path: string): Promise<string> {
  if (!existsSync(path)) await writeFile(path, randomBytes(32).toString('base64url'), { mode: 0o400 });
  return readFile(path, 'utf8');
}

async function changePassword(instance: Instance, secret: SecretName, next: string): Promise<void> {
  const { command, environment } = instance.composeCommand(['--progress', 'quiet', '--profile', 'setup', 'run', '--rm', '--no-deps', '--no-TTY', '--interactive', 'setup', 'node', '--disable-warning=ExperimentalWarning', 'platform/setup/change-password.ts']);
  const outcome = await run('docker', command, { environment, input: JSON.stringify({ secret, next }) });
  if (outcome.exitCode !== 0) throw new UserError(`${secret} was not changed: ${outcome.stderr.trim().slice(-600)}`, ['Look:       ./holdfast logs keycloak', `Try again:  ./holdfast rotate ${secret}`]);
}
