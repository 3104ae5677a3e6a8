import { PORT_OF_COPY, SERVED, type ThrowawayPostgres } from './throwaway-postgres.ts';

const HOME = '/var/lib/postgresql';
const [BASE, COPY] = [`${HOME}/base`, `${HOME}/copy`];

/**
 * For tests: what a throwaway Postgres was at a moment, by a restore as the product does it: a base backup, the WAL after it, replayed by Postgres itself up to a
 * time, and opened there. One copy at a time, beside the server, in the same container.
 */
export class PastOfPostgres {
  private readonly postgres: ThrowawayPostgres;

  private constructor(postgres: ThrowawayPostgres) {
    this.postgres = postgres;
  }

  /** Takes the base backup: any moment from now on can be gone back to. */
  static async begin(postgres: ThrowawayPostgres): Promise<PastOfPostgres> {
    await postgres.sql('postgres', "ALTER SYSTEM SET wal_keep_size = '8GB'");
    await postgres.shell(`echo 'local replication all trust' >> $PGDATA/pg_hba.conf; pg_ctl reload > /dev/null; pg_basebackup -U postgres -D ${BASE} -X none -c fast --no-sync 2> /dev/null; rm -rf ${BASE}/postmaster.pid`);
    return new PastOfPostgres(postgres);
  }

  /** All of its WAL until now can be read from then on. */
  async end(): Promise<void> {
    await this.postgres.sql('postgres', 'SELECT pg_switch_wal() IS NULL');
  }

  /** Serves what was committed until a moment, which must lie between `begin` and a commit before `end`. What an earlier call has served is gone. @param at microseconds since 1970 */
  async serve(at: bigint): Promise<void> {
    await this.postgres.shell(SERVE, time(at));
  }

  async drop(): Promise<void> {
    await this.postgres.shell(DROP);
  }
}

const DROP = `if [ -e ${COPY}/postmaster.pid ]; then pg_ctl -D ${COPY} -m immediate -w stop > /dev/null; fi; rm -rf ${COPY}`;

const SERVE = `${DROP}
  cp -a ${BASE} ${COPY}
  printf "%s\\n" "restore_command = 'cp ${HOME}/data/pg_wal/%f %p 2> /dev/null'" "recovery_target_time = '$1'" "recovery_target_action = 'promote'" >> ${COPY}/postgresql.auto.conf
  touch ${COPY}/recovery.signal
  pg_ctl -D ${COPY} -l ${COPY}/log -w -t 60 -o "${SERVED.replaceAll('\\\n', '')} -c port=${PORT_OF_COPY} -c hot_standby=off -c shared_buffers=32MB" start > /dev/null
  # It lets nobody in before it is open; one that cannot get there ends.
  until pg_isready -q -h /run/postgresql -p ${PORT_OF_COPY}; do
    if ! pg_ctl -D ${COPY} status > /dev/null; then tail -n 5 ${COPY}/log >&2; exit 1; fi
    sleep 0.02
  done`;

/** As Postgres reads it, to the microsecond. */
function time(at: bigint): string {
  return `${new Date(Number(at / 1_000n)).toISOString().slice(0, 23).replace('T', ' ')}${String(at % 1_000n).padStart(3, '0')}+00`;
}
