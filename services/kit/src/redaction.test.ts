import { describe, expect, test } from '@jest/globals';
import { errorText, redact, redactText } from './redaction.ts';

/** What a text may hold, and what is left of it. */
const taken: Record<string, [said: string, left: string]> = {
  'a bearer token': ['sent Bearer abc.def to x', 'sent Bearer [redacted] to x'],
  'a password of Basic': ['authorization was basic dXNlcnM6c2VjcmV0', 'authorization was basic [redacted]'],
  'a JWT': ['got eyJhbGciOi.eyJzdWIi.c2ln here', 'got [redacted] here'],
  'a JWT that was cut off': ['got eyJhbGciOi.eyJzdWIiOiIx', 'got [redacted]'],
  'a password in a URL': ['cannot reach amqp://users:hunter2@broker:5671/x', 'cannot reach amqp://[redacted]@broker:5671/x'],
  'a secret in a query': ['GET /callback?code=abc&state=1&access_token=def', 'GET /callback?code=[redacted]&state=1&access_token=[redacted]'],
  'a secret in JSON': ['body was {"password":"hunter \\"2\\"","name":"x"}', 'body was {"password":[redacted],"name":"x"}'],
  'a secret in a setting': ['client_secret=hunter2, retrying', 'client_secret=[redacted], retrying'],
  'a private key': ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\nis bad', '[redacted]\nis bad'],
  'what JSON.parse quotes': [`Unexpected token 'h', "hunter2, "x"" is not valid JSON`, `Unexpected token 'h', "[redacted]" is not valid JSON`],
  'what JSON.parse quotes a part of': [`Unexpected token 'h', ..."rd": hunter2}"... is not valid JSON`, `Unexpected token 'h', "[redacted]" is not valid JSON`],
  'an e-mail address': ['for Ada.Lovelace+bank@mail.example.org, twice', 'for [redacted], twice'],
  'an e-mail address in quotes': ['Key (email)=("ada@example.org") exists', 'Key (email)=("[redacted]") exists'],
  'an e-mail address in a URL': ['/users?email=ada%40example.org&exact=true', '/users?email=[redacted]&exact=true'],
  'an e-mail address of other letters': ['für jürgen@bücher.example', 'für [redacted]'],
  'a card number': ['paid with 4111111111111111.', 'paid with [redacted].'],
  'a card number in pieces': ['paid with 4111 1111 1111 1111 and 5500-0000-0000-0004.', 'paid with [redacted] and [redacted].'],
  'a card number with its end of validity': ['card 4111 1111 1111 1111 1227 ok', 'card [redacted] 1227 ok'],
  'a card number after another number': ['order 100 4111111111111111', 'order 100 [redacted]'],
  'two card numbers in a row': ['4111111111111111 5500000000000004', '[redacted] [redacted]'],
  'a card number of 13 digits': ['4222222222222', '[redacted]'],
  'a card number of 15 digits in its pieces': ['3782 822463 10005', '[redacted]'],
  'a card number of 19 digits': ['6304000000000000000', '[redacted]'],
  'a card number as a name': ['pan_4111111111111111_x', 'pan_[redacted]_x'],
  'a card number in a URL': ['/v1/accounts/%204111111111111111', '/v1/accounts/%20[redacted]'],
  'the number of a bank account': ['to DE89370400440532013000 now', 'to [redacted] now'],
  'the number of a bank account in pieces': ['to GB82 WEST 1234 5698 7654 32', 'to [redacted]'],
};

/** What looks similar, and has to stay, or a log could not be read. */
const left: Record<string, string> = {
  'digits that are no card number': 'sequence 4111111111111112',
  'a UUID': '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  'a UUID of digits, of which 16 pass': '41111111-1111-1111-8111-111111111111',
  'a UUID that ends in digits that pass': 'a1111111-1111-4111-8111-424242424242',
  'a hash with digits that pass': 'e4111111111111111aa30ab8f2',
  'a trace in a comment': "select 1 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
  'an instant in milliseconds that passes': 'at 1763940541125, 1763940541133, 1763940541141',
  'an instant in nanoseconds': 'at 1763940541123456789',
  'dates and times': 'between 2026-11-23 23:29:01 and 2026-11-23 193007 and 20261123-193007F',
  'an amount': 'moved 125000 of 9223372036854775807 EUR',
  'too many digits': '41111111111111111111111111',
  'an address': 'no answer from 172.31.255.254:3000',
  'words about secrets': 'password: must be at least 12 characters long; the token was rejected (expired)',
  'a package in a stack': 'at x (/app/node_modules/@nestjs/core/router.js:38:9) in undici@7.16.0',
  'a constraint': 'duplicate key value violates unique constraint "people_email_key"',
  'letters and digits that are no account number': 'GB82 WEST 1234 5698 7654 33, SHA256 and AB12CD34EF56GH78',
  'a route': '/v1/transfers/:id/reverse',
  'broken JSON without its text': 'Unexpected end of JSON input',
};

describe('redaction', () => {
  test.each(Object.entries(taken))('%s is taken out', (_what, [said, expected]) => {
    expect(redactText(said)).toBe(expected);
    expect(redactText(expected)).toBe(expected);
  });

  test.each(Object.entries(left))('%s stays', (_what, text) => {
    expect(redactText(text)).toBe(text);
  });

  test('a field whose name speaks of a secret loses its value, names of a client are texts too, and numbers stay', () => {
    expect(redact({
      'http.headers': { 'Set-Cookie': 'a=b', 'x-api-key': { nested: 'k' }, 'ada@example.org': 'note', 'mail': ['ada@example.org'] },
      'amount': 4111111111111111n, 'event.duration': 4222222222222, 'at': new Date(0), 'none': null,
    })).toEqual({
      'http.headers': { 'Set-Cookie': '[redacted]', 'x-api-key': '[redacted]', '[redacted]': 'note', 'mail': ['[redacted]'] },
      'amount': '4111111111111111', 'event.duration': 4222222222222, 'at': '1970-01-01T00:00:00.000Z', 'none': null,
    });
  });

  test('what Postgres quotes of a value is taken out, the name of a constraint stays', () => {
    const quoted = Object.assign(new Error('invalid input syntax for type uuid: "a "quoted" $& secret"'), { code: '22P02' });
    expect(errorText(quoted, quoted.message)).toBe('invalid input syntax for type uuid: "[redacted]"');
    expect(errorText(quoted, quoted.stack ?? '')).not.toContain('secret');
    const violated = Object.assign(new Error('violates check constraint "balance_within_policy"'), { code: '23514' });
    expect(errorText(violated, violated.message)).toBe('violates check constraint "balance_within_policy"');
  });
});
