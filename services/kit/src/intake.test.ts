import { describe, expect, test } from '@jest/globals';
import { byStream, conclude, StreamRefused, takeIn } from './intake.ts';
import type { ReceivedEvent } from './kafka.ts';

const received = (sequence: number, { epoch = 1, shard = 0, topic = 'ledger.events' } = {}): ReceivedEvent => ({
  topic, partition: shard, offset: String(sequence), text: '{}',
  event: {
    id: '00000000-0000-4000-8000-000000000000', type: 'user.updated', version: 1, epoch, shard, sequence: String(sequence),
    occurred_at: '2026-01-01T00:00:00.000000Z', traceparent: null, actor: 'test', data: {},
  },
});
const stream = (...events: ReceivedEvent[]) => ({ topic: 'ledger.events', shard: 0, events });
const sequences = (events: readonly ReceivedEvent[]) => events.map(({ event }) => event.sequence);

describe('a stream', () => {
  test('goes on after what was seen', () => {
    const intake = takeIn(stream(received(4), received(5), received(5), received(6)), { epoch: 1, sequence: 4n });
    expect(sequences(intake.next)).toEqual(['5', '6']);
    expect(intake.position).toEqual({ epoch: 1, sequence: 6n });
    expect(() => conclude(intake)).not.toThrow();
  });

  test('stops before a gap, with what came before it applied', () => {
    const intake = takeIn(stream(received(5), received(7), received(8)), { epoch: 1, sequence: 4n });
    expect(sequences(intake.next)).toEqual(['5']);
    expect(intake.position).toEqual({ epoch: 1, sequence: 5n });
    expect(() => conclude(intake)).toThrow(StreamRefused);
    expect(() => conclude(intake)).toThrow('gap at epoch 1 sequence 7, standing at epoch 1 sequence 5');
  });

  test.each([[1, 'older_epoch'], [3, 'newer_epoch']])('of epoch %i is refused by one who stands in epoch 2 (%s)', (epoch, reason) => {
    expect(takeIn(stream(received(5, { epoch })), { epoch: 2, sequence: 4n })).toMatchObject({ next: [], refusal: { reason } });
  });

  test('of what is told goes on after a restore that has undone a part of it; one of what is does not', () => {
    const restored = received(4, { epoch: 2 });
    const events = [received(5), { ...restored, event: { ...restored.event, type: 'stream.restored', data: {
      restore_id: 'r', cluster: 'ledger0', previous_epoch: 1, stands_until: '3', restored_to: 'x', last_transaction_at: null, lsn: '0/1', by: 'somebody', reason: 'a test',
    } } }, received(5, { epoch: 2 })];
    const told = takeIn(stream(...events), { epoch: 1, sequence: 4n }, { keepsWhatWas: true });
    expect(sequences(told.next)).toEqual(['5', '4', '5']);
    expect(told.position).toEqual({ epoch: 2, sequence: 5n, epochBegan: restored.event.occurred_at });
    const is = takeIn(stream(...events), { epoch: 1, sequence: 4n });
    expect(sequences(is.next)).toEqual(['5']);
    expect(() => conclude(is)).toThrow('taken_back at epoch 2 sequence 4, standing at epoch 1 sequence 5: the database was restored to before that, and the read models must follow');
  });

  test('begins with event 1 and no other', () => {
    expect(takeIn(stream(received(1)), undefined).refusal).toBeUndefined();
    expect(takeIn(stream(received(2)), undefined).refusal?.reason).toBe('gap');
  });

  test('is never mixed with another', () => {
    const streams = byStream([received(1), received(1, { shard: 1 }), received(2), received(7, { topic: 'users.events' })]);
    expect(streams.map(({ topic, shard, events }) => [topic, shard, sequences(events)])).toEqual([
      ['ledger.events', 0, ['1', '2']], ['ledger.events', 1, ['1']], ['users.events', 0, ['7']],
    ]);
  });
});
