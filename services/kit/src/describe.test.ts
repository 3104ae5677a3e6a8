import 'reflect-metadata';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Describe } from './describe.ts';
import { AmountMinor } from './money.ts';

test('schemas with names are written out: nothing refers to a place that an OpenAPI document does not have', () => {
  const Inner = z.object({ id: z.string(), amount: AmountMinor }).meta({ id: 'Inner' });
  const Outer = z.object({ inner: Inner, list: z.array(Inner) }).meta({ id: 'Outer' });
  class Controller {
    handle(): void { return; }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Controller.prototype, 'handle')!;
  Describe({ summary: 'x', body: Outer, responses: { 201: Outer } })(Controller.prototype, 'handle', descriptor);
  const written = JSON.stringify(Reflect.getMetadataKeys(Controller.prototype.handle).map((key: string) => Reflect.getMetadata(key, Controller.prototype.handle) as unknown));
  expect(written).not.toContain('$ref');
  expect(written).not.toContain('definitions');
  expect(written).not.toContain('"id":"');
  expect(written).toContain('minor units');
  expect(written).toContain('"id":{"type":"string"}');
});
