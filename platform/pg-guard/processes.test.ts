import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Processes } from './processes.ts';

const ID = '80eb041a8601da29d3fec3ddbc3bc2451e9bd07033cfbc99e13611dd1d7140e4';
const SHORT = ID.slice(0, 12);
let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'proc-'));
  process_(1, { namespaces: '1', cgroup: '/init.scope', start: '1' });
});
afterEach(() => rmSync(proc, { recursive: true }));

test.each([
  ['control groups of the first version', `12:pids:/docker/${ID}`],
  ['of systemd', `0::/system.slice/docker-${ID}.scope`],
  ['seen from another container', `0::/../../system.slice/docker-${ID}.scope`],
])('the first process of a container is found by %s', (_, cgroup) => {
  process_(26827, { namespaces: '26827\t7', cgroup, start: '41' });
  process_(26800, { namespaces: '26800\t1', cgroup, start: '40' });
  expect(new Processes(proc).firstOf(SHORT)).toEqual({ pid: 26800, start: '40' });
});

test('the first process of another container, or of the host, is not it', () => {
  process_(26800, { namespaces: '26800\t1', cgroup: '/docker/be8cf99fb004', start: '40' });
  process_(26801, { namespaces: '26801', cgroup: `/docker/${ID}`, start: '40' });
  expect(new Processes(proc).firstOf(SHORT)).toBeUndefined();
});

test.each(['', '/', 'docker', '80eb041a', '../80eb041a8601'])('"%s" is no container, and finds none', (container) => {
  process_(26800, { namespaces: '26800\t1', cgroup: `/docker/${ID}`, start: '40' });
  expect(new Processes(proc).firstOf(container)).toBeUndefined();
});

test('a process lives while it is there with the same start: stopped, frozen or waiting', () => {
  for (const state of ['S', 'R', 'D', 'T', 't']) {
    process_(26800, { namespaces: '26800\t1', cgroup: `/docker/${ID}`, start: '40', state });
    expect(new Processes(proc).lives({ pid: 26800, start: '40' })).toBe(true);
  }
});

test('it is dead when it is gone, when it waits to be buried, and when another one has its id', () => {
  expect(new Processes(proc).lives({ pid: 26800, start: '40' })).toBe(false);
  process_(26800, { namespaces: '26800\t1', cgroup: `/docker/${ID}`, start: '40', state: 'Z' });
  expect(new Processes(proc).lives({ pid: 26800, start: '40' })).toBe(false);
  process_(26800, { namespaces: '26800\t1', cgroup: `/docker/${ID}`, start: '41' });
  expect(new Processes(proc).lives({ pid: 26800, start: '40' })).toBe(false);
});

test('who cannot see anybody does not take that for a death', () => {
  rmSync(join(proc, '1'), { recursive: true });
  expect(() => new Processes(proc).lives({ pid: 26800, start: '40' })).toThrow('does not show the processes');
});

/** As proc(5) has it; the name of a process may hold blanks and brackets. */
function process_(pid: number, of: { namespaces: string; cgroup: string; start: string; state?: string }): void {
  const directory = join(proc, String(pid));
  mkdirSync(directory, { recursive: true });
  const before = Array.from({ length: 18 }, (_, index) => String(index)).join(' ');
  writeFileSync(join(directory, 'stat'), `${pid} (docker) init (1)) ${of.state ?? 'S'} ${before} ${of.start} 0 0\n`);
  writeFileSync(join(directory, 'status'), `Name:\tdocker-init\nPid:\t${pid}\nNSpid:\t${of.namespaces}\nThreads:\t1\n`);
  writeFileSync(join(directory, 'cgroup'), `${of.cgroup}\n`);
}
