import { describe, expect, test } from '@jest/globals';
import { aheadOf, publishAgainFrom, standingsOf, streamsOf } from './streams.ts';

const [stream] = streamsOf('ledger.events', '0|1|50|48\n');
const standing = (reader: string, rest: string) => standingsOf(reader, `ledger.events|${rest}`);
if (!stream) throw new Error('no stream was read');

describe('after Kafka was lost', () => {
  test('an event could be lost for the reader that was furthest behind', () => {
    expect(publishAgainFrom(stream, [...standing('reporting', '0|1|45'), ...standing('audit', '0|1|40')])).toBe(40n);
  });
  test('one that never read, or read an older epoch only, begins at the beginning', () => {
    expect(publishAgainFrom(stream, standing('audit', '0|1|40'))).toBe(0n);
    expect(publishAgainFrom({ ...stream, epoch: 2 }, [...standing('reporting', '0|2|45'), ...standing('audit', '0|1|40')])).toBe(0n);
  });
  test('what never left could be marked as published because the readers are ahead of the mark', () => {
    expect(publishAgainFrom(stream, [...standing('reporting', '0|1|50'), ...standing('audit', '0|1|50')])).toBe(48n);
  });
  test('another shard could be taken for this one', () => {
    expect(publishAgainFrom(stream, [...standing('reporting', '1|1|45'), ...standing('audit', '0|1|47'), ...standing('reporting', '0|1|46')])).toBe(46n);
  });
});

test('a ledger that lost what its readers have seen could give the same numbers to other events', () => {
  expect(aheadOf(stream, [...standing('reporting', '0|1|50'), ...standing('audit', '0|1|51')])).toMatchObject([{ reader: 'audit', sequence: 51n }]);
  expect(aheadOf(stream, standing('audit', '0|2|1'))).toHaveLength(1);
  expect(aheadOf(stream, standing('audit', '1|1|99'))).toEqual([]);
});
