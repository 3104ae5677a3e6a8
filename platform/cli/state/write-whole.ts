import { rename, writeFile } from 'node:fs/promises';

/** For its owner's eyes only, whole or not at all: a crash in the middle leaves the old file. */
export async function writeWhole(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
