import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the project as the host has it: Docker's bind mounts resolve there. The shim mounts it at its own path. */
export const PROJECT = process.env.HOLDFAST_PROJECT ?? join(import.meta.dirname, '../..');

/** All of `platform/versions.env`. */
export const versions: Record<string, string> = Object.fromEntries(
  readFileSync(join(PROJECT, 'platform/versions.env'), 'utf8')
    .split('\n')
    .filter((line) => /^[A-Z_]+=/.test(line))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);
