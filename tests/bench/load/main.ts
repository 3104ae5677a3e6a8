/** The load generator: a plan a line on standard input, JSON lines on standard output. It runs in a container, in the networks of what it loads. */
import { createInterface } from 'node:readline';
import { Generator } from './generate.ts';
import type { LoadPlan, Said } from './plan.ts';

const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

let generator: Generator | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  try {
    if (line === 'go') {
      if (!generator) throw new Error('there is no plan');
      say({ ended: await generator.run(() => say({ began: true }), () => say({ over: true })) });
      generator = undefined;
    } else {
      generator = new Generator(JSON.parse(line) as LoadPlan);
      await generator.connect();
      say({ ready: true });
    }
  } catch (cause) {
    say({ failed: cause instanceof Error ? cause.message : String(cause) });
  }
}
