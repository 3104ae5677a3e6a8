import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../cli/errors.ts';
import { imageTag, releaseImage } from '../cli/images/catalogue.ts';
import { ensureImages } from '../cli/images/ensure.ts';
import { plain } from '../cli/progress.ts';
import { docker, run } from '../cli/run.ts';
import { PROJECT } from '../cli/versions.ts';

/** Only the image of releases has it: the toolbox of an installation is smaller by 200 MB without. */
export const hasReleaseTools = existsSync('/usr/bin/skopeo');

export interface Mounts {
  /** Directories that the command reads, by their paths on the host. */
  read: readonly string[];
  /** And those that it writes, which are made if they are not there. */
  write: readonly string[];
}

/**
 * Runs this same command in the image that has git and skopeo; every path means there what it means on the host. Resolves to its exit status.
 * Being asked to end, it asks the command to, and waits: a release rolls back first.
 */
export async function inReleaseImage(mounts: Mounts): Promise<number> {
  if (process.env.HOLDFAST_REGISTRY) throw new UserError('a release is made of images that were built here, and HOLDFAST_REGISTRY is set.', ['Unset it:  unset HOLDFAST_REGISTRY'], 2);
  const logDirectory = join(PROJECT, '.holdfast', '_release', 'log');
  await mkdir(logDirectory, { recursive: true, mode: 0o711 });
  await ensureImages('', logDirectory, plain, [releaseImage]);
  const name = `holdfast-release-${process.pid}`;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void docker('kill', '--signal', signal, name).catch(() => undefined));
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ['--tty', '--interactive'] : [];
  const logins = process.env.HOLDFAST_LOGINS;
  const outcome = await run('docker', [
    'run', '--rm', '--init', ...terminal, '--name', name, '--network', 'host', '--pid', 'host', '--label', 'org.holdfast.toolbox=1',
    '-v', '/var/run/docker.sock:/var/run/docker.sock', '-v', `${PROJECT}:${PROJECT}`, '-v', '/:/host:ro', '-w', PROJECT,
    ...mounts.read.flatMap((path) => ['-v', `${path}:${path}:ro`]), ...mounts.write.flatMap((path) => ['-v', `${path}:${path}`]),
    // At the host's own path, so that what starts there passes it on in turn.
    ...(logins ? ['-v', `${logins}:${logins}:ro`, '-e', `DOCKER_CONFIG=${dirname(logins)}`, '-e', `REGISTRY_AUTH_FILE=${logins}`] : []),
    ...(existsSync('/run/host-ca.crt') ? ['-v', '/etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro', '-v', '/etc/ssl/certs/ca-certificates.crt:/run/host-ca.crt:ro'] : []),
    ...Object.keys(process.env).filter((variable) => /^(HOLDFAST_|CI$|NO_COLOR$|TERM$)/.test(variable) && variable !== 'HOLDFAST_PROJECT').flatMap((variable) => ['-e', variable]),
    imageTag('', releaseImage.name), join(PROJECT, 'platform/cli/main.ts'), ...process.argv.slice(2),
  ], { inherit: true });
  return outcome.exitCode;
}

/** A path as the person who called meant it: from the directory that he stood in. */
export function asCalled(path: string): string {
  return resolve(process.env.HOLDFAST_CALLED_IN ?? process.cwd(), path);
}
