import { setTimeout as pause } from 'node:timers/promises';
import { signIn } from '../../../platform/cli/api/sign-in.ts';
import { run } from '../../../platform/cli/run.ts';
import { Keycloak } from '../../drills/keycloak.ts';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';
import { askInTurns, keepAsking, stopAsking } from '../asking.ts';

/** Ten wrong passwords lock an account; the alert wants more than twenty tries after that. */
const TRIES = 45;

/** More than its fifteen connections, and fewer than its 24 threads, of which its figures need one. */
const PEOPLE = 19;
/** Who waits for the database for so long has given up by himself, and Keycloak goes on with him for as long again. */
const GIVEN_UP_MS = 12_000;
const FORGOTTEN_MS = 18_000;

export const keycloakFaults: readonly Fault[] = [
  {
    alert: 'LoginFailures', what: 'passwords of people who are not there are tried, twice a second', labels: {},
    make: (platform) => Promise.resolve(keepAsking('LoginFailures', 2, (turn) => signIn(platform.visitor.edge, `nobody-${turn}@holdfast.internal`, 'not the password'))),
    undo: () => Promise.resolve(stopAsking('LoginFailures')), scaled: { for: '15s', range: ['10m', '1m'] },
  },
  {
    alert: 'KeycloakPoolExhausted', what: `a table of Keycloak is locked, and ${PEOPLE} people want to sign in at once`, labels: {}, touches: ['core', 'keycloak'],
    make: async (platform) => {
      await lockPeople(platform);
      areWaiting = true;
      for (let one = 0; one < PEOPLE; one++) void wantIn(platform, one);
    },
    undo: async (platform) => {
      areWaiting = false;
      await unlockPeople(platform);
    },
    // Nobody can register or sign in meanwhile, and most other faults begin with that.
    scaled: { for: '15s' }, alone: true, always: true,
  },
  {
    alert: 'AdminActionsAtNight', what: 'an administrator changes the realm through the edge, and it counts as night', labels: {},
    make: changeRealm, scaled: { range: ['15m', '3m'], number: ['21', '0'] },
  },
  {
    alert: 'BruteForce', what: `${TRIES} wrong passwords are tried for one account`, labels: {},
    make: async (platform) => {
      const { email } = await platform.newCustomer();
      await askInTurns(TRIES, 4, (turn) => signIn(platform.visitor.edge, email, `not the password ${turn}`));
    },
    scaled: { range: ['10m', '2m'] },
  },
];

let areWaiting = false;

/** Again and again, and never twice at the same time. */
async function wantIn(platform: Platform, one: number): Promise<void> {
  while (areWaiting) {
    const began = Date.now();
    await signIn(platform.visitor.edge, `late-${one}@holdfast.internal`, 'any password').catch(() => undefined);
    if (Date.now() - began > GIVEN_UP_MS) await pause(FORGOTTEN_MS);
  }
}

const LOCK = 'alert_test_lock';

/** By a session of a superuser, which goes on when this call has returned. */
async function lockPeople(platform: Platform): Promise<void> {
  const leader = await platform.container(await platform.leaderOf('core'));
  const sql = `SET application_name = '${LOCK}'; BEGIN; LOCK TABLE user_entity IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)`;
  const outcome = await run('docker', ['exec', '--detach', leader.id, 'psql', '-X', '-q', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'keycloak', '-c', sql]);
  if (outcome.exitCode !== 0) throw new Error(`the table was not locked: ${outcome.stderr}`);
}

async function unlockPeople(platform: Platform): Promise<void> {
  await platform.query('core', 'keycloak', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${LOCK}'`);
}

/** With a token of its own administrator; the setting stays what it is. */
async function changeRealm(platform: Platform): Promise<void> {
  const token = await new Keycloak(platform).administratorToken();
  for (let turn = 0; turn < 3; turn++) await platform.visitor.call('PUT', '/auth/admin/realms/holdfast', { realm: 'holdfast' }, { authorization: `Bearer ${token}` });
}
