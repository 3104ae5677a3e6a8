import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clustersOf, LEDGERS_AT_FIRST } from '../../components.ts';
import type { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { ensureSecrets } from '../state/secrets.ts';
import { kitContents } from './contents.ts';
import { commitOf, openKit, packKit, refuseOverInstance, unpackKit } from './kit.ts';
import { kitState, rememberKit } from './record.ts';

// A passphrase is stretched for a second on purpose, and for ten where others have the cores.
jest.setTimeout(120_000);

const PASSPHRASE = { passphrase: 'cliff-otter-lantern-nine-harbour' };

/** As the commands see an instance, in a directory of the test's own. */
function instanceIn(directory: string, settings: Record<string, unknown> = {}): Instance {
  return { name: 'bank', directory, settings, url: 'https://bank.example', clusters: clustersOf(2) } as unknown as Instance;
}

function filesBelow(directory: string): Record<string, string> {
  return Object.fromEntries(readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const { mode, uid } = statSync(path);
    return [path.slice(directory.length + 1), `${(mode & 0o777).toString(8)} ${uid} ${readFileSync(path, 'base64')}`];
  }));
}

let directory: string;
let instance: Instance;
let locked: Buffer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-kit-'));
  instance = instanceIn(directory);
  await ensureSecrets(directory, ['bank.example'], LEDGERS_AT_FIRST);
  writeFileSync(join(directory, 'settings.json'), '{"host":"bank.example"}\n', { mode: 0o600 });
  writeFileSync(join(directory, 'secrets/alertmanager/receiver-token'), 'whom to tell', { mode: 0o400 });
  mkdirSync(join(directory, 'log'));
  writeFileSync(join(directory, 'log/setup.log'), 'long ago');
  writeFileSync(join(directory, 'lock'), '1 2 up');
  ({ kit: locked } = await packKit(instance, PASSPHRASE));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a recovery kit', () => {
  test('an instance made of it could differ from the one that was lost', async () => {
    const other = join(mkdtempSync(join(tmpdir(), 'holdfast-imported-')), 'bank');
    await unpackKit(await openKit(locked, PASSPHRASE, 'the kit'), other);
    const imported = filesBelow(other);
    const original = filesBelow(directory);
    for (const [path, description] of Object.entries(imported)) expect([path, description]).toEqual([path, original[path]]);
    // What it lacks, the next start makes: everything is there again, and every secret is the same. Leaves are issued anew by the same authority.
    await ensureSecrets(other, ['bank.example'], LEDGERS_AT_FIRST);
    const complete = filesBelow(other);
    const leaves = /\/tls\.\w+$/;
    for (const [path, description] of Object.entries(original)) {
      if (path.startsWith('log') || path === 'lock') continue;
      expect([path, complete[path] !== undefined]).toEqual([path, true]);
      if (!leaves.test(path)) expect([path, complete[path]]).toEqual([path, description]);
    }
  });

  test('it could lack a secret, or carry what is not needed', async () => {
    const paths = (await kitContents(directory)).files.map(({ path }) => path);
    for (const name of readdirSync(join(directory, 'vault'))) expect(paths).toContain(`vault/${name}`);
    expect(paths).toEqual(expect.arrayContaining(['ca/ca.crt', 'ca/ca.key', 'settings.json', 'secrets/alertmanager/receiver-token']));
    expect(paths.filter((path) => !/^(vault|ca)\/|^settings\.json$|receiver-token$/.test(path))).toEqual([]);
  });

  test('a secret could stand in it in clear, or in what it says of itself', async () => {
    const secret = readFileSync(join(directory, 'vault/pgbackrest-cipher-passphrase'), 'utf8');
    const { manifest } = await openKit(locked, PASSPHRASE, 'the kit');
    expect(locked.includes(secret)).toBe(false);
    expect(JSON.stringify(manifest)).not.toContain(secret);
    expect(manifest).toMatchObject({ instance: 'bank', clusters: ['core', 'ledger0', 'ledger1'], ledger_clusters: ['ledger0', 'ledger1'] });
  });

  test('a wrong passphrase could look like a damaged file', async () => {
    await expect(openKit(locked, { passphrase: 'not the passphrase' }, 'the kit')).rejects.toThrow('this passphrase does not open the kit');
  });

  test.each([
    ['its first byte', (kit: Buffer) => { kit.writeUInt8(0x41, 0); return kit; }],
    ['its last byte', (kit: Buffer) => { kit.writeUInt8((kit.at(-1) ?? 0) ^ 1, kit.length - 1); return kit; }],
    ['a byte in the middle', (kit: Buffer) => { kit.writeUInt8((kit.at(kit.length / 2) ?? 0) ^ 1, Math.floor(kit.length / 2)); return kit; }],
    ['half of it', (kit: Buffer) => kit.subarray(0, kit.length / 2)],
    ['all of it', () => Buffer.alloc(0)],
  ])('a kit that lost %s could pass for whole, or for one with another passphrase', async (_what, damage) => {
    await expect(openKit(damage(Buffer.from(locked)), PASSPHRASE, 'the kit')).rejects.toThrow('damaged');
  });

  test('one for keys could be opened by another key', async () => {
    const [mine, others] = [await generateIdentity(), await generateIdentity()];
    const { kit } = await packKit(instance, { recipients: [await identityToRecipient(mine)] });
    expect((await openKit(kit, { identities: [mine] }, 'the kit')).manifest.instance).toBe('bank');
    await expect(openKit(kit, { identities: [others] }, 'the kit')).rejects.toThrow('none of these identities opens the kit');
    await expect(packKit(instance, { recipients: ['age1nonsense'] })).rejects.toThrow('no public key of age');
  });

  test('it could be put over an instance', async () => {
    await expect(refuseOverInstance(instance)).rejects.toThrow('there is an instance "bank" here already');
    await expect(refuseOverInstance(instanceIn(join(directory, 'nowhere')))).resolves.toBeUndefined();
  });

  test('one without secrets could be exported', async () => {
    await expect(packKit(instanceIn(join(directory, 'nowhere')), PASSPHRASE)).rejects.toThrow('has no secrets yet');
  });

  test('the commit could be another one', async () => {
    const project = mkdtempSync(join(tmpdir(), 'holdfast-project-'));
    expect(await commitOf(project)).toBeNull();
    mkdirSync(join(project, '.git'));
    writeFileSync(join(project, '.git/HEAD'), 'ref: refs/heads/main\n');
    writeFileSync(join(project, '.git/packed-refs'), `# pack-refs\n${'a'.repeat(40)} refs/heads/main\n`);
    expect(await commitOf(project)).toBe('a'.repeat(40));
    mkdirSync(join(project, '.git/refs/heads'), { recursive: true });
    writeFileSync(join(project, '.git/refs/heads/main'), `${'b'.repeat(40)}\n`);
    expect(await commitOf(project)).toBe('b'.repeat(40));
  });
});

describe('whether the newest kit is out of date', () => {
  test('nobody could be told that there is none, or that a secret was rotated or added', async () => {
    expect(await kitState(instance)).toMatchObject({ current: false, made_at: null });
    await rememberKit(instance, '/media/usb/kit.age', '2026-01-01T00:00:00.000Z');
    expect(await kitState(instance)).toMatchObject({ current: true, file: '/media/usb/kit.age', changed: [], added: [] });

    // A restart, another number of replicas, another leaf: no new kit is needed.
    rmSync(join(directory, 'secrets/kafka/tls.crt'));
    await ensureSecrets(directory, ['bank.example'], LEDGERS_AT_FIRST);
    writeFileSync(join(directory, 'settings.json'), '{"host":"bank.example","replicas":{"users":2}}\n');
    expect(await kitState(instance)).toMatchObject({ current: true });

    rmSync(join(directory, 'vault/grafana-admin-password'));
    await ensureSecrets(directory, ['bank.example'], LEDGERS_AT_FIRST);
    writeFileSync(join(directory, 'secrets/alertmanager/second-receiver'), 'another');
    expect(await kitState(instance)).toMatchObject({ current: false, changed: ['vault/grafana-admin-password'], added: ['secrets/alertmanager/second-receiver'] });
  });

  test('the monitoring could go on saying that there is one, after a command that has changed a secret', async () => {
    await rememberKit(instance, 'kit.age', '2026-01-01T00:00:00.000Z');
    const told = (): unknown => JSON.parse(readFileSync(join(directory, 'secrets/backup-scheduler/recovery-kit.json'), 'utf8'));
    expect(told()).toMatchObject({ current: true });
    await exclusively(instance, 'rotate', async () => {
      rmSync(join(directory, 'vault/grafana-admin-password'));
      await ensureSecrets(directory, ['bank.example'], LEDGERS_AT_FIRST);
    });
    expect(told()).toMatchObject({ current: false });
  });

  test('a second repository could be configured of which the kit knows nothing', async () => {
    await rememberKit(instance, 'kit.age', '2026-01-01T00:00:00.000Z');
    expect(await kitState(instanceIn(directory, { backupRepository: { kind: 'path', path: '/mnt/backups' } }))).toMatchObject({ current: false, changed: ['the setting of the second repository'] });
  });
});
