import { expect, test } from '@jest/globals';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instance } from '../instance.ts';
import { rotateSecret } from './secret.ts';

test('what cannot be rotated could be half rotated', async () => {
  const instance = { directory: mkdtempSync(join(tmpdir(), 'rotate-')) } as Instance;
  await expect(rotateSecret(instance, 'pgbackrest-cipher-passphrase', () => undefined)).rejects.toThrow('every backup that there is, is encrypted with it');
});
