import { describe, expect, test } from '@jest/globals';
import { cookieOf, isFromHere, isOpenAtPrometheus, isOpenTo, isPage, returnPath } from './who-may.ts';

describe('after the sign-in a person could be sent', () => {
  test.each(['/prometheus/classic/graph?g0.expr=up%7Bjob%3D%22a%22%7D&g0.tab=1', '/alertmanager/', '/kibana/app/dashboards'])('to where he was going: %s', (path) => {
    expect(returnPath(path)).toBe(path);
  });

  test.each([
    undefined, '', 'https://evil.example/prometheus/', '//evil.example/prometheus/', '/\\evil.example/', '/prometheus/../v1/users', '/prometheus//evil.example', '/prometheus/%2e%2e/x',
    '/prometheus/a b', '/prometheus/\r\nSet-Cookie: a=b', '/prometheus@evil.example/', '/prometheus', '/v1/users', '/sign-in/callback', `/prometheus/${'x'.repeat(2_000)}`,
  ])('elsewhere: %j', (path) => {
    expect(returnPath(path)).toBe('/sign-in/');
  });
});

test('a customer, or one of operator and auditor, would pass for the other', () => {
  const people = [['customer'], ['auditor'], [], ['operators'], ['operator'], ['customer', 'admin']];
  expect(people.map((roles) => isOpenTo('operations', roles))).toEqual([false, false, false, false, true, true]);
  expect(people.map((roles) => isOpenTo('records', roles))).toEqual([false, true, false, false, false, true]);
});

test('a page of somebody else could change something', () => {
  const origin = 'https://bank.example:8443';
  expect(isFromHere({ origin, 'sec-fetch-site': 'same-origin' }, origin)).toBe(true);
  expect(isFromHere({ origin }, origin)).toBe(true);
  for (const headers of [{}, { origin: 'null' }, { origin: 'https://bank.example' }, { origin, 'sec-fetch-site': 'same-site' }, { origin, 'sec-fetch-site': 'cross-site' }, { origin, 'sec-fetch-site': 'none' }]) {
    expect(isFromHere(headers, origin)).toBe(false);
  }
});

test('a program would be sent through a sign-in that it cannot do', () => {
  expect(isPage('GET', { 'sec-fetch-mode': 'navigate' })).toBe(true);
  expect(isPage('GET', { accept: 'text/html,*/*' })).toBe(true);
  expect(isPage('GET', { 'accept': 'text/html', 'sec-fetch-mode': 'cors' })).toBe(false);
  expect(isPage('GET', { accept: 'application/json' })).toBe(false);
  expect(isPage('POST', { 'sec-fetch-mode': 'navigate' })).toBe(false);
});

test('a cookie whose name ends alike would be taken', () => {
  expect(cookieOf({ cookie: 'x__Host-a=1; __Host-a=2; b=3' }, '__Host-a')).toBe('2');
  expect(cookieOf({ cookie: 'x__Host-a=1' }, '__Host-a')).toBeUndefined();
});

test('more of Prometheus would be open than its pages and questions', () => {
  for (const path of ['/classic/alerts', '/classic/static/js/graph/index.js', '/api/v1/query', '/api/v1/label/job/values', '/api/v1/status/tsdb', '/api/v1/alerts']) expect(isOpenAtPrometheus('GET', path)).toBe(true);
  expect(isOpenAtPrometheus('POST', '/api/v1/query_range')).toBe(true);
  for (const path of ['/-/reload', '/-/quit', '/api/v1/admin/tsdb/snapshot', '/api/v1/read', '/api/v1/write', '/federate', '/debug/pprof/', '/metrics', '/api/v1/query/x']) {
    for (const method of ['GET', 'POST', 'PUT']) expect(isOpenAtPrometheus(method, path)).toBe(false);
  }
  expect(isOpenAtPrometheus('POST', '/api/v1/alerts')).toBe(false);
  expect(isOpenAtPrometheus('DELETE', '/api/v1/series')).toBe(false);
});
