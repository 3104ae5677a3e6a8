import { expect, test } from '@jest/globals';
import { Shard } from './shard.ts';

/** Writes that are answered when the test says so. */
function shardWithHangingWrites(): { shard: Shard; answers: (() => void)[] } {
  const answers: (() => void)[] = [];
  const writes = { query: <Row extends object>() => new Promise<Row[]>((resolve) => answers.push(() => resolve([]))) };
  return { shard: new Shard({ number: 0, writes, reads: writes, answerTimeoutMs: 20 }), answers };
}

test('while a write hangs, others are refused without being sent', async () => {
  const { shard, answers } = shardWithHangingWrites();
  await expect(shard.write('', [], 'first')).rejects.toMatchObject({ status: 503 });
  expect(shard.isStalled()).toBe(true);
  await expect(shard.write('', [], 'second')).rejects.toMatchObject({ status: 503 });
  expect(answers).toHaveLength(1);
});

test('a write on a connection that leads nowhere does not keep the shard shut once another one is answered', async () => {
  const { shard, answers } = shardWithHangingWrites();
  await expect(shard.write('', [], 'lost')).rejects.toMatchObject({ status: 503 });
  expect(shard.isStalled()).toBe(true);
  const now = performance.now.bind(performance);
  performance.now = () => now() + 2_000;
  try {
    const answered = shard.write('', [], 'answered');
    answers[1]!();
    await expect(answered).resolves.toEqual([]);
  } finally {
    performance.now = now;
  }
  expect(shard.isStalled()).toBe(false);
});

test('a clock that goes back by an hour does not keep the shard shut for an hour', async () => {
  const { shard, answers } = shardWithHangingWrites();
  await expect(shard.write('', [], 'lost')).rejects.toMatchObject({ status: 503 });
  const [clock, passed] = [Date.now, performance.now.bind(performance)];
  Date.now = () => clock() - 3_600_000;
  performance.now = () => passed() + 2_000;
  try {
    const answered = shard.write('', [], 'answered');
    answers[1]!();
    await expect(answered).resolves.toEqual([]);
  } finally {
    Date.now = clock;
    performance.now = passed;
  }
});
