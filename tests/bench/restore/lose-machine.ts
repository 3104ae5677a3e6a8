import { mkdir, rm } from 'node:fs/promises';
import { imageTag } from '../../../platform/cli/images/catalogue.ts';
import { docker, must } from '../../../platform/cli/run.ts';
import type { Platform } from '../../kit/platform.ts';

/**
 * Everything of an installation is gone but a copy of its repository, as on another disk. Resolves with when the last container
 * had died, on the clock of `performance`: until then, somebody may have been told something.
 */
export async function loseMachine(platform: Platform, repository: string): Promise<number> {
  const { name, directory, settings } = platform.instance;
  const listed = async (...words: string[]): Promise<string[]> => (await docker(...words, '--filter', `label=com.docker.compose.project=${name}`)).trim().split('\n').filter(Boolean);
  const volumes = await listed('volume', 'ls', '--quiet');
  await docker('kill', ...await listed('ps', '--quiet', '--no-trunc'));
  const gone_ms = performance.now();
  await docker('rm', '--force', ...await listed('ps', '--all', '--quiet', '--no-trunc'));
  await mkdir(repository, { recursive: true, mode: 0o700 });
  const parts = volumes.filter((volume) => volume.startsWith(`${name}_pgbackrest-`));
  const mounts = parts.flatMap((volume) => ['--volume', `${volume}:/from/${volume.slice(`${name}_pgbackrest-`.length)}:ro`]);
  await docker('run', '--rm', '--network', 'none', '--user', '0:0', ...mounts, '--volume', `${repository}:/to`, imageTag(settings.registry, 'pgbackrest'), 'cp', '-a', '/from/.', '/to/');
  await docker('volume', 'rm', ...volumes);
  await must('docker', ['network', 'rm', ...await listed('network', 'ls', '--quiet')]);
  await rm(directory, { recursive: true, force: true });
  return gone_ms;
}
