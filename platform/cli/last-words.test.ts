import { expect, test } from '@jest/globals';
import { tellingLine } from './last-words.ts';

test.each([
  ['a module that is missing', "node:internal/modules/esm/resolve:274\n    throw new ERR_MODULE_NOT_FOUND(\n\nError [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/a.ts'\n    at finalizeResolution (node:internal:1:2)\n  code: 'ERR'\n}\n\nNode.js v24.19.0\n", "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/a.ts'"],
  ['a configuration that HAProxy does not take', '[NOTICE] path to executable is /usr/sbin/haproxy\n[ALERT] config: parsing [/etc/haproxy.cfg:12]: unknown keyword\n', '[ALERT] config: parsing [/etc/haproxy.cfg:12]: unknown keyword'],
  ['a service that logs in JSON', '{"message":"starting"}\n{"message":"cannot start","error.message":"LEDGER_SHARDS is missing"}\n', 'cannot start: LEDGER_SHARDS is missing'],
  ['something that went on talking after it', 'FATAL: could not open file\nshutting down\n', 'FATAL: could not open file'],
  ['nothing that sounds like trouble', 'one\ntwo\n\n', 'two'],
])('of a container that starts again and again, because of %s, the reason could be passed over', (_, output, line) => {
  expect(tellingLine(output)).toBe(line);
});

test('a container that said nothing, or too much, could break the line of progress', () => {
  expect(tellingLine('\n')).toBeUndefined();
  expect(tellingLine(`error ${'x'.repeat(2_000)}`)?.length).toBeLessThan(250);
});
