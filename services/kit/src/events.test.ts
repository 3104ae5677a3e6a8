import { describe, expect, test } from '@jest/globals';
import { Event, isOfType, placeOf } from './events.ts';

const event = (epoch: number, sequence: number): Event => Event.parse({
  id: '7b0a6f3e-4f53-4b8a-9f0c-0a3d1f6f4c11', type: 'user.updated', version: 1, epoch, shard: 0, sequence: String(sequence),
  occurred_at: '2026-01-01T00:00:00.000000Z', traceparent: null, actor: 'x', data: { user_id: 'u' },
});

describe('the place of an event', () => {
  test.each([
    ['next', 1, 1, undefined], ['gap', 1, 2, undefined],
    ['next', 1, 8, 7], ['seen', 1, 7, 7], ['seen', 1, 1, 7], ['gap', 1, 9, 7], ['older_epoch', 0, 8, 7], ['newer_epoch', 2, 8, 7],
  ] as const)('%s: epoch %i, sequence %i, after %s', (place, epoch, sequence, after) => {
    expect(placeOf({ ...event(1, sequence), epoch }, after === undefined ? undefined : { epoch: 1, sequence: BigInt(after) })).toBe(place);
  });

  describe('after a restore', () => {
    const began = '2026-01-01T00:00:00.000000Z';
    const restored = (sequence: number, previous_epoch: number): Event => ({
      ...event(3, sequence), type: 'stream.restored',
      data: { restore_id: 'r', cluster: 'ledger0', previous_epoch, stands_until: String(sequence - 1), restored_to: 'x', last_transaction_at: null, lsn: '0/1', by: 'somebody', reason: 'a test' },
    });
    test.each([
      ['next', 8, 1, 7], ['taken_back', 8, 1, 8], ['taken_back', 8, 1, 70], ['gap', 8, 1, 6],
      // Stands in an epoch that the restore has undone altogether, or is told of one that it never saw.
      ['taken_back', 8, 1, 7, 2], ['taken_back', 8, 1, 3, 2], ['newer_epoch', 8, 2, 7],
    ] as [string, number, number, number, number?][])('%s: its statement as event %i, which names epoch %i, to one who stands at %i', (place, sequence, previous, at, epoch = 1) => {
      expect(placeOf(restored(sequence, previous), { epoch, sequence: BigInt(at) })).toBe(place);
    });
    test('an epoch that no statement begins is refused', () => {
      expect(placeOf({ ...event(3, 8) }, { epoch: 1, sequence: 7n })).toBe('newer_epoch');
      const lying = restored(8, 1);
      expect(placeOf({ ...lying, data: { ...lying.data, stands_until: '5' } }, { epoch: 1, sequence: 7n })).toBe('newer_epoch');
    });
    test('what an older epoch told is passed over, and what it tells after its end is refused', () => {
      const at = { epoch: 3, sequence: 8n, epochBegan: began };
      expect(placeOf({ ...event(1, 9), occurred_at: '2025-12-31T23:59:59.999000Z' }, at)).toBe('seen');
      expect(placeOf({ ...event(1, 9), occurred_at: '2026-01-01T00:00:00.001000Z' }, at)).toBe('older_epoch');
    });
  });

  test('a type that is not known yet still parses, and is none of ours', () => {
    const later = { ...event(1, 1), type: 'account.renamed' };
    expect(Event.parse(later).type).toBe('account.renamed');
    expect(isOfType(later, 'user.updated')).toBe(false);
  });

  test('a sequence as a number is refused: it would lose digits', () => {
    expect(Event.safeParse({ ...event(1, 1), sequence: 1 }).success).toBe(false);
  });
});
