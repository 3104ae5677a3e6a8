import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verification } from '../../platform/cli/commands/ledger.ts';
import { latestCut, millisecondsOf, type Cut } from '../../platform/cli/recover/cut.ts';
import { answerOf, type Place } from '../../platform/cli/recover/place.ts';
import { reachOf, type RepositoryReach } from '../../platform/cli/recover/reach.ts';
import { RestoredCluster } from '../../platform/cli/recover/restored-cluster.ts';
import { endBeforeWokenShards, type Restored } from '../../platform/cli/recover/woken-shard.ts';
import { auditAgreesWithLedger, auditChain, checkableSince, checked, unchangedSince, unchangedSinceTheLastProof, verdictOf, watermarkOf, type Check, type Watermark } from './checks.ts';
import { randomSecond, settledBefore } from './point.ts';
import type { Kept, Proof, ProvenPoint } from './result.ts';

export interface Proving {
  /** core first, then the ledgers in the order of their shards. */
  readonly clusters: readonly string[];
  readonly passphrase: string;
  /** Room of its own, which it empties. */
  readonly workDirectory: string;
  /** For sockets and configuration: in memory. */
  readonly runDirectory: string;
  readonly kept: Kept;
  say(detail: string): void;
}

interface Server { readonly cluster: string; readonly restored: RestoredCluster; readonly port: number }

const FIRST_PORT = 5432;
/** A restore writes what the backup holds, and replays WAL over it; more than that must stay free for the platform on the same disk. */
const ROOM_FACTOR = 1.5;
const ROOM_LEFT_BYTES = 2 * 1024 ** 3;

/** Restores the latest moment and a random second, looks at both, and leaves nothing behind. Never throws: what could not be done is a proof that did not succeed. */
export async function prove(proving: Proving): Promise<Kept> {
  const began = new Date();
  const points: ProvenPoint[] = [];
  let rpo: number | null = null;
  let rto: number | null = null;
  let watermark = proving.kept.watermark;
  let trouble: string | null = null;
  const servers = await serversFor(proving);
  try {
    const reaches = await Promise.all(servers.map(({ restored }) => reachOf(restored)));
    await refuseWithoutRoom(proving.workDirectory, reaches);
    const end = latestCut(reaches).at;
    if (end === undefined) throw new Error('the WAL in the repository has no transaction');
    const { at, there } = await restoreLatest(proving, servers, reaches, end);
    rpo = Math.max(0, (began.getTime() - millisecondsOf(at)) / 1000);
    // Where that cannot be asked, the checks of the latest moment tell why.
    const checkable_ms = await checkableSince(there.restored).catch(() => Infinity);
    const second = randomSecond([...reaches.map(({ firstBackupEnd_ms }) => firstBackupEnd_ms), checkable_ms], at);
    let ofSecond: Watermark | undefined;

    rto = there.seconds;
    points.push(await provePoint(proving, servers, there, { point: 'latest', at }, async (restored) => {
      const checks = watermark ? [await unchangedSinceTheLastProof(restored, watermark)] : [];
      if (second !== undefined) ofSecond = await watermarkOf(restored, settledBefore(second));
      const next = await watermarkOf(restored, settledBefore(at));
      // Only what a whole proof has seen may be what the next is held against.
      if (verdictOf(checks) !== 'failed') watermark = next;
      return checks;
    }));
    if (second !== undefined) {
      const then = await restoreAll(proving, servers, 'a random second', second, cutAt(reaches, second));
      points.push(await provePoint(proving, servers, then, { point: 'random', at: second }, async (restored) =>
        (ofSecond ? [await unchangedSince('as_in_the_latest_backup', restored, ofSecond)] : [])));
    }
  } catch (error) {
    trouble = (error as Error).message.slice(0, 1000);
  } finally {
    await Promise.all(servers.map(({ restored }) => restored.drop().catch(() => undefined)));
    await rm(proving.workDirectory, { recursive: true, force: true }).catch(() => undefined);
  }
  const found = points.flatMap(({ checks }) => checks);
  const verdict = trouble === null ? verdictOf(found) : found.some((check) => check.verdict === 'failed') ? 'failed' : 'could_not_verify';
  const last: Proof = { began_at: began.toISOString(), verdict, rpo_seconds: rpo, rto_seconds: rto, points, trouble };
  const passed = verdict === 'passed';
  return { last, last_success_at: passed ? new Date().toISOString() : proving.kept.last_success_at, watermark: passed ? watermark : proving.kept.watermark };
}

interface There {
  readonly restored: Restored;
  readonly reached: readonly { readonly cluster: string; readonly last: string | undefined }[];
  readonly seconds: number;
}

/** The latest moment that all clusters have, which may turn out only in what was restored. */
async function restoreLatest(proving: Proving, servers: readonly Server[], reaches: readonly RepositoryReach[], end: string): Promise<{ at: string; there: There }> {
  const there = await restoreAll(proving, servers, 'the latest moment', end, cutAt(reaches, end));
  // What cannot be asked now is told by the checks.
  const at = await endBeforeWokenShards(there.restored, end).catch(() => undefined);
  if (at === undefined) return { at: end, there };
  return { at, there: await restoreAll(proving, servers, 'the moment before what has not arrived', at, cutAt(reaches, at)) };
}

async function restoreAll(proving: Proving, servers: readonly Server[], what: string, at: string, cut: Cut): Promise<There> {
  const began = performance.now();
  proving.say(`restoring ${what}, ${at}`);
  const reached = await Promise.all(servers.map(async ({ cluster, restored }) => {
    await restored.restore(cut[cluster]);
    return { cluster, last: await restored.replay() };
  }));
  const seconds = (performance.now() - began) / 1000;
  const [core, ...ledgers] = servers.map(({ restored }) => restored);
  if (!core) throw new Error('there is no cluster');
  return { restored: { core, ledgers }, reached, seconds };
}

async function provePoint(proving: Proving, servers: readonly Server[], { restored, reached, seconds }: There, { point, at }: Pick<ProvenPoint, 'point' | 'at'>, more: (restored: Restored) => Promise<readonly Check[]>): Promise<ProvenPoint> {
  const past = reached.filter(({ last }) => last !== undefined && millisecondsOf(last) > millisecondsOf(at));
  const checks: Check[] = [await checked('stops_at_its_moment', () => Promise.resolve({ right: past.length === 0, seen: past.length === 0 ? `no cluster went past ${at}` : past.map(({ cluster, last }) => `${cluster} went on to ${last}`).join(', ') }))];
  const steps: [string, () => Promise<Check>][] = [
    ['the audit chain', () => auditChain(restored)], ['the audit log against the ledgers', () => auditAgreesWithLedger(restored)], ['the ledger against itself', () => ledgerVerified(servers.slice(1))],
  ];
  for (const [what, step] of steps) {
    proving.say(`${point}: ${what}`);
    checks.push(await step());
  }
  checks.push(...await more(restored));
  // The next point is restored anew, and not over this one.
  await Promise.all(servers.map((server) => server.restored.drop()));
  return { point, at, seconds: Math.round(seconds * 10) / 10, checks };
}

/** Nobody goes simply to the end: more WAL arrives while this restores, and what it has would be later than the moment. */
function cutAt(reaches: readonly RepositoryReach[], at: string): Cut {
  return Object.fromEntries(reaches.map(({ cluster, lastCommit, endLsn }) => [cluster, lastCommit !== undefined && lastCommit > at ? at : endLsn]));
}

async function refuseWithoutRoom(directory: string, reaches: readonly RepositoryReach[]): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const wanted = reaches.reduce((sum, { size_bytes }) => sum + size_bytes, 0) * ROOM_FACTOR + ROOM_LEFT_BYTES;
  if (bavail * bsize < wanted) throw new Error(`there is no room to restore into: ${gib(bavail * bsize)} GiB are free, and ${gib(wanted)} GiB would be wanted`);
}

const gib = (bytes: number): string => (bytes / 1024 ** 3).toFixed(1);

async function serversFor({ clusters, passphrase, workDirectory, runDirectory }: Proving): Promise<Server[]> {
  await rm(workDirectory, { recursive: true, force: true });
  return Promise.all(clusters.map(async (cluster, place) => {
    const directory = join(runDirectory, cluster);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await mkdir(join(workDirectory, cluster), { recursive: true, mode: 0o700 });
    const here: Place = {
      dataDirectory: join(workDirectory, cluster, 'data'), socketDirectory: directory, temporaryDirectory: directory, configurationFile: join(directory, 'pgbackrest.conf'),
      run: ([program = '', ...args], input) => answerOf(program, args, input),
    };
    const port = FIRST_PORT + place;
    // Only this container's own loopback; the certificate that comes in is that of this container, and may be what the ledger's program is.
    const restored = new RestoredCluster(cluster, here, [
      'listen_addresses=localhost', `port=${port}`, 'ssl=on', 'ssl_ca_file=/run/holdfast/ca.crt', 'ssl_cert_file=/run/holdfast/tls.crt', 'ssl_key_file=/run/holdfast/tls.key',
      'hba_file=/etc/restore-proof/pg_hba.conf', 'ident_file=/etc/restore-proof/pg_ident.conf', 'shared_buffers=32MB', 'fsync=off', 'full_page_writes=off', 'autovacuum=off',
    ], port);
    await restored.open(passphrase, 1);
    return { cluster, restored, port };
  }));
}

/** The ledger's own program of verification, against the restored shards. */
function ledgerVerified(ledgers: readonly Server[]): Promise<Check> {
  return checked('ledger_verify', async () => {
    const settings = [`LEDGER_SHARDS=${ledgers.map(({ port }) => `localhost:${port}`).join(',')}`, 'HOLDFAST_URL=https://localhost', 'LOG_LEVEL=warn'];
    const { exitCode, stdout, stderr } = await answerOf('env', [...settings, 'node', '/app/services/transactions/dist/verify/main.js']);
    const line = stdout.toString().trim().split('\n').at(-1) ?? '';
    if (line === '') throw new Error(`the program of verification ended with status ${exitCode}: ${stderr.trim().split('\n').slice(-2).join(' ')}`);
    const { verdict, checks } = JSON.parse(line) as Verification;
    if (verdict === 'could_not_verify') throw new Error(checks.flatMap(({ check, trouble }) => (trouble === null ? [] : [`${check}: ${trouble}`])).join('; ') || 'it could not verify');
    const findings = checks.flatMap((one) => one.findings.map((finding) => `${one.check}${one.shard === null ? '' : ` of shard ${one.shard}`}: ${finding}`));
    return { right: verdict === 'passed', seen: verdict === 'passed' ? `${checks.length} checks, ${checks.reduce((sum, { looked_at }) => sum + looked_at, 0)} rows, 0 findings` : findings.slice(0, 3).join('; ') };
  });
}
