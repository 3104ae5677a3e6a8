import 'reflect-metadata';
import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DescribeLedger } from './describe-ledger.ts';
import { refusalCodes } from './transfers/refusals.ts';

/** The codes that the description of a route names. */
function described(): string[] {
  class Controller {
    handle(): void { return; }
  }
  DescribeLedger({ summary: 'x', responses: { 200: z.object({}) } })(Controller.prototype, 'handle', Object.getOwnPropertyDescriptor(Controller.prototype, 'handle')!);
  const written = JSON.stringify(Reflect.getMetadataKeys(Controller.prototype.handle).map((key: string) => Reflect.getMetadata(key, Controller.prototype.handle) as unknown));
  return JSON.parse(/"enum":(\[[^\]]*\])/.exec(written)?.[1] ?? '[]') as string[];
}

/** The codes of problems that are written out somewhere in a service. */
function thrownIn(service: string): string[] {
  const directory = join(import.meta.dirname, '../..', service, 'src');
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return files.flatMap((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    return [...text.matchAll(/new Problem\(\{[^}]*?code: '([a-z_]+)'/g), ...text.matchAll(/unavailable\('([a-z_]+)'/g), ...text.matchAll(/^ {2}\d{3}: \['([a-z_]+)'/gm)].map(([, code]) => code!);
  });
}

test('a code could be answered that the description does not name', () => {
  const codes = described();
  const thrown = [...thrownIn('kit'), ...thrownIn('gateway'), ...thrownIn('transactions')];
  expect(thrown.length).toBeGreaterThan(15);
  expect(thrown.filter((code) => !codes.includes(code))).toEqual([]);
  expect(refusalCodes.filter((code) => !codes.includes(code))).toEqual([]);
  expect(new Set(codes).size).toBe(codes.length);
});
