import { chown, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { components } from '../../platform/components.ts';
import { issueLeaf, readAuthority } from '../../platform/cli/state/certificates.ts';
import { CERTIFICATE_EXPIRED } from '../kit/budgets.ts';
import type { Drill } from './drill.ts';

/** It shows its certificate to every database, and to the gateway. */
const VICTIM = 'transactions';
/** Certificates begin an hour in the past: this one ended half an hour ago. */
const EXPIRED_DAYS = -0.5 / 24;

export const certificateExpired: Drill = {
  page: 'certificate-expired',
  budgetMs: CERTIFICATE_EXPIRED,
  disaster: async ({ platform }) => {
    const { directory } = platform.instance;
    const authority = await readAuthority(await readFile(join(directory, 'ca/ca.crt'), 'utf8'), await readFile(join(directory, 'ca/ca.key'), 'utf8'));
    const { names, uid } = components[VICTIM];
    const leaf = await issueLeaf(authority, names, EXPIRED_DAYS);
    const files = { 'tls.key': leaf.keyPem, 'tls.pk8': leaf.keyDer, 'tls.pem': leaf.certificatePem + leaf.keyPem, 'tls.crt': leaf.certificatePem };
    for (const [name, content] of Object.entries(files)) {
      const path = join(directory, 'secrets', VICTIM, name);
      await writeFile(`${path}.new`, content, { mode: 0o400 });
      await chown(`${path}.new`, uid, uid);
      await rename(`${path}.new`, path);
    }
    // What is in memory lasts as long as its process.
    await platform.stop(VICTIM);
    await platform.start(VICTIM);
    return {};
  },
};
