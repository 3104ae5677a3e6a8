import { describe, expect, test } from '@jest/globals';
import { addressList, integer, list, oneOf, parseConfig, port, text, url } from './config.ts';

const fields = {
  port: port('PORT', 3000),
  shards: list('LEDGER_SHARDS'),
  window: integer('WINDOW_MS_MAX', 5, { min: 0, max: 50 }),
  brokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  publicUrl: url('HOLDFAST_URL'),
  level: oneOf('LOG_LEVEL', ['info', 'warn'], 'info'),
};

describe('configuration', () => {
  test('is read with its defaults', () => {
    const { values, faults } = parseConfig(fields, { LEDGER_SHARDS: 'a, b', HOLDFAST_URL: 'https://bank.example:8443/' });
    expect(faults).toEqual([]);
    expect(values).toEqual({
      port: 3000, shards: ['a', 'b'], window: 5, brokers: [{ host: 'kafka', port: 9093 }], publicUrl: 'https://bank.example:8443', level: 'info',
    });
  });

  test('tells all its faults at once', () => {
    const { faults } = parseConfig(fields, { PORT: '70000', WINDOW_MS_MAX: '80', KAFKA_BROKERS: 'kafka', HOLDFAST_URL: 'http://x', LOG_LEVEL: 'loud' });
    expect(faults).toEqual([
      'PORT=70000 is above 65535',
      'LEDGER_SHARDS is missing',
      'WINDOW_MS_MAX=80 is above 50',
      'KAFKA_BROKERS=kafka is not host:port',
      'HOLDFAST_URL=http://x is not https',
      'LOG_LEVEL=loud is none of info, warn',
    ]);
  });

  test('an empty value is a fault, not a default', () => {
    expect(parseConfig({ name: text('NAME', 'x') }, { NAME: ' ' }).faults).toEqual(['NAME is empty']);
  });

  test.each(['1.5', '1e400', 'abc', '0x', '9007199254740993'])('%s is no whole number', (value) => {
    expect(parseConfig({ n: integer('N') }, { N: value }).faults).toEqual([`N=${value} is not a whole number`]);
  });
});
