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

  test('a type that is not known yet still parses, and is none of ours', () => {
    const later = { ...event(1, 1), type: 'account.renamed' };
    expect(Event.parse(later).type).toBe('account.renamed');
    expect(isOfType(later, 'user.updated')).toBe(false);
  });

  test('a sequence as a number is refused: it would lose digits', () => {
    expect(Event.safeParse({ ...event(1, 1), sequence: 1 }).success).toBe(false);
  });
});
