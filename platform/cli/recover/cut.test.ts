import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cutAt, latestCut, refuseOutside, type Reach } from './cut.ts';

const at = (clock: string): string => `2026-01-31 ${clock}+00`;
const reach = (cluster: string, clock: string | undefined): Reach => ({ cluster, lastCommit: clock === undefined ? undefined : at(clock) });

describe('the moment to which everything is restored', () => {
  test('one shard could keep its half of a transfer whose other half is lost', () => {
    const { cut, at: moment } = latestCut([reach('core', '12:00:30.000000'), reach('ledger0', '12:00:10.500000'), reach('ledger1', '12:00:40.000000')]);
    expect(moment).toBe(at('12:00:10.500000'));
    // The cluster that ends there has nothing later, and goes to its end.
    expect(cut).toEqual({ core: moment, ledger0: undefined, ledger1: moment });
  });

  test('an hour of transfers could be thrown away because another cluster was silent', () => {
    const { cut, at: moment } = latestCut([reach('core', '11:00:00.000000'), reach('ledger0', '12:00:10.000000'), reach('ledger1', '12:00:20.000000')]);
    expect(moment).toBe(at('12:00:10.000000'));
    expect(cut).toEqual({ core: undefined, ledger0: undefined, ledger1: moment });
  });

  test('a platform that never did anything could have no moment at all', () => {
    expect(latestCut([reach('core', undefined), reach('ledger0', undefined)])).toEqual({ cut: {}, at: undefined });
    expect(latestCut([reach('core', '12:00:00.000000'), reach('ledger0', undefined)]).cut).toEqual({ core: undefined, ledger0: undefined });
  });

  test('no cluster is told to stop at a time after which it has nothing, and none goes on past the moment', () => {
    const clocks = fc.option(fc.date({ min: new Date('2026-01-31T12:00:00Z'), max: new Date('2026-01-31T12:05:00Z'), noInvalidDate: true }), { nil: undefined });
    fc.assert(fc.property(fc.array(clocks, { minLength: 1, maxLength: 5 }), (ends) => {
      const reaches = ends.map((end, place): Reach => ({ cluster: `c${place}`, lastCommit: end && `${end.toISOString().replace('T', ' ').replace('Z', '')}000+00` }));
      const { cut, at: moment } = latestCut(reaches);
      for (const { cluster, lastCommit } of reaches) {
        const stop = cut[cluster];
        if (stop === undefined) expect(lastCommit === undefined || moment === undefined || lastCommit <= moment).toBe(true);
        else expect(lastCommit !== undefined && stop === moment && lastCommit > stop).toBe(true);
      }
    }));
  });
});

describe('a moment that somebody names', () => {
  const reaches = [{ ...reach('core', '12:00:30.000000'), firstBackupEnd_ms: Date.parse('2026-01-31T08:00:00Z') }, { ...reach('ledger0', '12:00:10.000000'), firstBackupEnd_ms: Date.parse('2026-01-31T09:00:00Z') }];
  test('one between the backups and the end is where those stop that go further', () => {
    expect(() => refuseOutside(reaches, at('12:00:20.000000'))).not.toThrow();
    expect(cutAt(reaches, at('12:00:20.000000'))).toEqual({ core: at('12:00:20.000000'), ledger0: undefined });
  });
  test('one before all backups, or after the end, could silently become another', () => {
    expect(() => refuseOutside(reaches, at('08:30:00.000000'))).toThrow('before the end of the first backup');
    expect(() => refuseOutside(reaches, at('12:00:31.000000'))).toThrow('after the last transaction');
  });
});
