import { expect, test } from '@jest/globals';
import { readVerification } from './verification.ts';

/** As pgBackRest 2.55 printed it of a repository in which eight bytes of one file were overwritten. */
const DAMAGED = `stanza: core
status: error
  archiveId: 17-1, total WAL checked: 8, total valid WAL: 8
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261123-193007F, status: invalid, total files checked: 2650, total valid files: 2649
    missing: 0, checksum invalid: 1, size invalid: 0, other: 0
  backup: 20261123-193133F, status: valid, total files checked: 2650, total valid files: 2650
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
`;
const SAID = ["INFO: verify command begin 2.55.1: --repo1-cipher-pass=<redacted>", "INFO: invalid checksum '20261123-193007F/bundle/2'", 'INFO: stanza: core'];

test('a damaged backup could pass for a good one, or a good one for damaged', () => {
  expect(readVerification(DAMAGED, SAID)).toEqual({ errors: 1, damaged: ['20261123-193007F'], findings: ["invalid checksum '20261123-193007F/bundle/2'"] });
});

test('a repository in which all is well could be complained of', () => {
  const good = DAMAGED.replace('status: error', 'status: ok').replace('invalid, total files checked: 2650, total valid files: 2649', 'valid, total files checked: 2650, total valid files: 2650').replace('checksum invalid: 1', 'checksum invalid: 0');
  expect(readVerification(good, [])).toEqual({ errors: 0, damaged: [], findings: [] });
});

for (const [what, from, to, expected] of [
  ['a backup that lacks its manifest', 'status: invalid, total', 'status: manifest missing, total', { errors: 1, damaged: ['20261123-193007F'] }],
  ['a backup that is being taken meanwhile', 'status: valid, total', 'status: in-progress, total', { errors: 1, damaged: ['20261123-193007F'] }],
  ['WAL that is gone', 'missing: 0', 'missing: 3', { errors: 4, damaged: ['20261123-193007F'] }],
] as const) {
  test(`would not be told as it is: ${what}`, () => expect(readVerification(DAMAGED.replace(from, to), [])).toMatchObject(expected));
}

test('an error that no count shows could pass for none', () => {
  expect(readVerification('stanza: core\nstatus: error\n  archiveId: none found\n  backup: none found\n', [])).toMatchObject({ errors: 1, damaged: [] });
});

test('an end without a result could pass for a good one', () => {
  for (const text of ['', 'stanza: core\n', 'terminated']) expect(readVerification(text, [])).toBeUndefined();
});
