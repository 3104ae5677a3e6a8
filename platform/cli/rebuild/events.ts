import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { runSetup } from '../commands/up.ts';
import { containersOf, isHealthyNow, waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { must } from '../run.ts';

/** A stream of events whose outbox is its journal (decision 0015). */
interface Stream {
  readonly topic: string;
  readonly cluster: string;
  readonly database: string;
}

export interface RebuiltEvents {
  readonly streams: readonly { readonly topic: string; readonly cluster: string; readonly events: number }[];
}

/** As `services/kit/src/outbox.ts` has it: the relay of a shard holds this lock while it publishes. */
const RELAY_LOCK = 4_706_001;
const KAFKA_BUDGET_SECONDS = 120;
const GATEWAY_BUDGET_SECONDS = 60;
/** Without any progress. */
const STANDSTILL_MS = 60_000;

const streamsOf = ({ clusters }: Instance): readonly Stream[] => [
  ...Object.keys(clusters).filter((cluster) => cluster.startsWith('ledger')).map((cluster) => ({ topic: 'ledger.events', cluster, database: 'ledger' })),
  { topic: 'users.events', cluster: 'core', database: 'users' },
];

/**
 * Throws away what Kafka holds and fills it anew from the journals, from the first event of each stream. What readers have applied they pass over; what
 * they had not read when Kafka was lost comes to them now. Meanwhile money moves on: its events wait in the outbox, as they do whenever Kafka is away.
 */
export async function rebuildEvents(instance: Instance, say: (detail: string) => void): Promise<RebuiltEvents> {
  // Before anything is thrown away: without them nothing could be filled in.
  const streams = streamsOf(instance);
  for (const stream of streams) await ask(instance, stream, 'SELECT last_sequence FROM event_stream');
  say('taking Kafka away');
  await instance.compose(['rm', '--stop', '--force', 'kafka']);
  await must('docker', ['volume', 'rm', '--force', `${instance.name}_kafka`]);
  say('setting the relays back to the first event');
  for (const stream of streams) await setBack(instance, stream);
  say('starting Kafka empty');
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'kafka']);
  await waitUntilHealthy(instance, ['kafka'], KAFKA_BUDGET_SECONDS, say);
  say('topics and access rules');
  await runSetup(instance, join(instance.directory, 'log', 'setup.log'));
  // Its refusals have no journal, and their numbers a gap now that no reader gets past: a new process counts from 1.
  say('a new stream for the gateway');
  await instance.compose(['restart', 'gateway']);
  await waitUntilHealthy(instance, ['gateway'], GATEWAY_BUDGET_SECONDS, say);
  const published: { topic: string; cluster: string; events: number }[] = [];
  for (const stream of streams) published.push({ topic: stream.topic, cluster: stream.cluster, events: await untilPublished(instance, stream, say) });
  return { streams: published };
}

/** Under the relay's own lock, so that it begins anew behind it, and cannot write down how far it had come before. */
async function setBack(instance: Instance, stream: Stream): Promise<void> {
  const [shard = ''] = await ask(instance, stream, 'SELECT shard FROM event_stream');
  const number = Number(shard);
  await ask(instance, stream, `
    SELECT count(pg_terminate_backend(pid)) FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND classid = ${RELAY_LOCK} AND objid = ${number} AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    SELECT pg_advisory_lock(${RELAY_LOCK}, ${number});
    UPDATE event_stream SET published_sequence = 0;`);
}

/** How many events there are once all of them, as of now, have left. */
async function untilPublished(instance: Instance, stream: Stream, say: (detail: string) => void): Promise<number> {
  const [goal = '0'] = await ask(instance, stream, 'SELECT last_sequence FROM event_stream');
  let [before, beforeMs] = [-1, Date.now()];
  for (;;) {
    const [text = '0'] = await ask(instance, stream, 'SELECT published_sequence FROM event_stream');
    const published = Number(text);
    say(`${stream.topic} of ${stream.cluster}: ${Math.min(published, Number(goal))} of ${goal} events`);
    if (published >= Number(goal)) return Number(goal);
    if (published > before) [before, beforeMs] = [published, Date.now()];
    else if (Date.now() - beforeMs > STANDSTILL_MS) {
      throw new UserError(`no event of ${stream.cluster} has left for ${STANDSTILL_MS / 1000} s; ${published} of ${goal} are in Kafka.`, ['Look:  ./holdfast logs kafka', 'They leave by themselves once Kafka takes them; nothing is lost.']);
    }
    await pause(1_000);
  }
}

/** Lines that Postgres answers, from the leader, as its local superuser: no service may set a relay back. */
async function ask(instance: Instance, stream: Stream, sql: string): Promise<string[]> {
  const leader = await leaderOf(instance, stream.cluster);
  const output = await must('docker', ['exec', '-i', leader, 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', stream.database], { input: sql });
  return output.split('\n').filter((line) => line !== '');
}

async function leaderOf(instance: Instance, cluster: string): Promise<string> {
  const nodes = (await containersOf(instance)).filter(({ service }) => service.startsWith(`${cluster}-`));
  for (const node of nodes) {
    if (!(await isHealthyNow(node))) continue;
    const answer = await must('docker', ['exec', node.id, 'psql', '-X', '-A', '-t', '-h', '/run/postgresql', '-U', 'postgres', '-c', 'SELECT pg_is_in_recovery()']);
    if (answer.trim() === 'f') return node.id;
  }
  throw new UserError(`${cluster} has no leader, and its journal cannot be read.`, ['First:  ./holdfast runbook show leader-lost']);
}
