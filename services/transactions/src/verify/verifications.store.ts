import type { CheckResult, Verdict, Verification } from './checks.ts';
import type { Reader } from './pages.store.ts';

/** About three months of daily ones. */
const KEPT = 100;

export interface Stored { finished_s: number; verdict: Verdict; duration_ms: bigint; checks: readonly CheckResult[] }

export async function storeVerification(reader: Reader, { verdict, duration_ms, checks }: Verification): Promise<void> {
  await reader.query('INSERT INTO verifications (verdict, duration_ms, checks) VALUES ($1, $2, $3)', [verdict, duration_ms, JSON.stringify(checks)]);
  // The last good one stays, however long ago it was.
  await reader.query(
    `DELETE FROM verifications WHERE id <= (SELECT max(id) FROM verifications) - $1
        AND id <> coalesce((SELECT max(id) FROM verifications WHERE verdict = 'passed'), 0)`, [KEPT]);
}

/** The last verification, and when one last passed (seconds since 1970; 0 if none ever has). */
export async function readVerifications(reader: Reader): Promise<{ last: Stored | undefined; passed_s: number; age_s: number }> {
  const [row] = await reader.query<{ last: Stored | null; passed_s: number; age_s: number }>(
    `SELECT (SELECT jsonb_build_object('finished_s', extract(epoch FROM finished_at), 'verdict', verdict, 'duration_ms', duration_ms, 'checks', checks)
               FROM verifications ORDER BY id DESC LIMIT 1) AS last,
            coalesce((SELECT extract(epoch FROM finished_at)::float8 FROM verifications WHERE verdict = 'passed' ORDER BY id DESC LIMIT 1), 0) AS passed_s,
            coalesce((SELECT extract(epoch FROM clock_timestamp() - finished_at)::float8 FROM verifications ORDER BY id DESC LIMIT 1), 'infinity') AS age_s`, [], 'read_verifications');
  return { last: row?.last ?? undefined, passed_s: row?.passed_s ?? 0, age_s: row?.age_s ?? Infinity };
}
