import { run } from '../run.ts';
import type { Cluster, Node } from './nodes.ts';

/** While it lasts, a probe commits through pg-router as the services do, one connection after the other. */
export interface Probe {
  /** Ends it, and says how long no commit was acknowledged at the longest, in milliseconds, a quarter of a second more or less. Undefined where it never saw two. */
  end(): Promise<number | undefined>;
}

/** Its own end, should nobody end it. */
const LASTS_SECONDS = 60;

/**
 * A message in the WAL is a commit like any other (it waits for the replica), and leaves nothing behind. The probe runs beside the node that stays up, with that
 * node's certificate and least rights; the clock is the host's, whoever leads.
 */
export function startProbe(beside: Node, cluster: Cluster, routerAddress: string): Probe {
  const stop = `/tmp/holdfast-probe-${process.pid}`;
  const connection = `host=${cluster.address} hostaddr=${routerAddress} port=${cluster.leaderPort} user=rewind dbname=postgres connect_timeout=2 sslmode=verify-full sslrootcert=/run/holdfast/ca.crt sslcert=/run/holdfast/tls.crt sslkey=/run/holdfast/tls.key`;
  // No time limit on the statement: one that interrupts the wait for the replica would pass for an acknowledgement.
  const commit = "SELECT FROM pg_logical_emit_message(true, 'switchover', '')";
  const acknowledged = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint';
  // A process and a handshake each time: without the pause it would take from those it measures what they need to be back.
  const script = 'rm -f "$1"; while [ ! -e "$1" ]; do psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$2" -c "$3" -c "$4" 2>/dev/null | grep -E "^[0-9]+$" || :; sleep 0.25; done; rm -f "$1"';
  const id = beside.container?.id ?? '';
  const ended = run('docker', ['exec', id, 'timeout', String(LASTS_SECONDS), 'sh', '-c', script, 'probe', stop, connection, commit, acknowledged]);
  return {
    end: async () => {
      await run('docker', ['exec', id, 'touch', stop]);
      return longestGapMs((await ended).stdout.split('\n').filter(Boolean).map(Number));
    },
  };
}

/** Between one acknowledged commit and the next. */
export function longestGapMs(acknowledgedMs: readonly number[]): number | undefined {
  const gaps = acknowledgedMs.slice(1).map((time_ms, index) => time_ms - (acknowledgedMs[index] ?? time_ms));
  return gaps.length === 0 ? undefined : Math.max(...gaps);
}
