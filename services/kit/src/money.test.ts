import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AmountMinor, currencies, formatMajor, MAX_MINOR, minorUnits, parseMajor } from './money.ts';

const messageFor = (value: unknown): string | undefined => AmountMinor.safeParse(value).error?.issues[0]?.message;

describe('money', () => {
  test.each(['0', '1', '1250', '9223372036854775807'])('%s is an amount', (value) => {
    expect(AmountMinor.parse(value)).toBe(BigInt(value));
  });

  test.each(['', '-1', '01', '1.5', '1e3', ' 1', '+1', '0x1', '1_000', '٣', '9223372036854775808', '99999999999999999999'])('"%s" is not', (value) => {
    expect(AmountMinor.safeParse(value).success).toBe(false);
  });

  test('a JSON number is refused, and the message says why', () => {
    expect(messageFor(12.5)).toContain('a JSON number is refused');
    expect(messageFor(Number('9007199254740993'))).toContain('must be a string of minor units');
    expect(messageFor(undefined)).toContain('must be a string of minor units');
  });

  test.each([['1.10', 'EUR', 110n], ['-0.01', 'EUR', -1n], ['5', 'JPY', 5n], ['1.234', 'BHD', 1234n]] as const)('%s %s', (text, currency, minor) => {
    expect(parseMajor(text, currency)).toBe(minor);
    expect(formatMajor(minor, currency)).toBe(text);
  });

  test.each([['1.001', 'EUR'], ['5.0', 'JPY'], ['.5', 'EUR'], ['1.', 'EUR'], ['', 'EUR'], ['1,5', 'EUR']] as const)('"%s" is no amount of %s', (text, currency) => {
    expect(parseMajor(text, currency)).toBeUndefined();
  });

  test('what is formatted reads back as the same, for every currency', () => {
    fc.assert(fc.property(fc.bigInt({ min: -MAX_MINOR, max: MAX_MINOR }), fc.constantFrom(...currencies), (minor, currency) => {
      expect(parseMajor(formatMajor(minor, currency), currency)).toBe(minor);
    }));
  });

  test('more than 64 bits throws', () => {
    expect(() => minorUnits(MAX_MINOR + 1n)).toThrow(RangeError);
  });
});
