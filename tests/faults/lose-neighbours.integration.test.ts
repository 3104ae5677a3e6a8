import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { faultsImage, imageTag } from '../../platform/cli/images/catalogue.ts';
import { docker, must, run } from '../../platform/cli/run.ts';
import { within } from '../kit/within.ts';

const name = `holdfast-test-neighbours-${randomBytes(4).toString('hex')}`;
const image = imageTag(process.env.HOLDFAST_REGISTRY ?? '', faultsImage.name);
/** Each time it depends on chance whether a second signal arrives in the middle of the undoing. */
const TIMES = 8;
let addresses: string[] = [];

beforeAll(async () => {
  await docker('network', 'create', name);
  await docker('run', '--detach', '--name', name, '--network', name, image, 'sleep', 'infinity');
  const own = (await docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name)).trim();
  addresses = [200, 201, 202].map((last) => own.replace(/\d+$/, String(last)));
}, 60_000);

afterAll(async () => {
  await run('docker', ['rm', '--force', name, `${name}-helper`]);
  await run('docker', ['network', 'rm', name]);
});

async function lost(): Promise<number> {
  return (await must('docker', ['exec', name, 'ip', 'neighbour'])).split('\n').filter((line) => line.includes('PERMANENT')).length;
}

test('a cut that is stopped could outlast its helper, and a platform be broken for good', async () => {
  for (let time = 0; time < TIMES; time++) {
    // As the alerts' faults begin it, in a group of processes of `timeout`, which is told of the end more than once.
    await docker('run', '--detach', '--init', '--name', `${name}-helper`, '--network', `container:${name}`, '--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', image, 'timeout', '600', 'lose-neighbours', '600', ...addresses);
    await within(30_000, 'the neighbours to be lost', async () => ((await lost()) === addresses.length ? true : undefined));
    await docker('stop', '--time', '60', `${name}-helper`);
    expect(await lost()).toBe(0);
    await docker('rm', `${name}-helper`);
  }
}, 120_000);
