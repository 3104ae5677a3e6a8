import { CHECK_AUDIT_CHAIN } from '../../platform/cli/recover/streams.ts';
import type { Restored } from '../../platform/cli/recover/woken-shard.ts';

export type Verdict = 'passed' | 'failed' | 'could_not_verify';

export interface Check {
  readonly check: string;
  readonly verdict: Verdict;
  /** What was seen, in one sentence. */
  readonly seen: string;
}

/** What cannot be looked at has not passed. */
export async function checked(check: string, look: () => Promise<{ right: boolean; seen: string }>): Promise<Check> {
  try {
    const { right, seen } = await look();
    return { check, verdict: right ? 'passed' : 'failed', seen };
  } catch (error) {
    return { check, verdict: 'could_not_verify', seen: (error as Error).message.split('\n').slice(0, 3).join(' ').slice(0, 500) };
  }
}

export function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ verdict }) => verdict === 'failed')) return 'failed';
  return checks.length > 0 && checks.every(({ verdict }) => verdict === 'passed') ? 'passed' : 'could_not_verify';
}

/** Every hash of the audit log is that of its content, and names the one before. */
export function auditChain({ core }: Restored): Promise<Check> {
  return checked('audit_chain', async () => {
    const [entries, wrong] = (await core.sql('audit', CHECK_AUDIT_CHAIN)).split('|');
    return { right: wrong === '0' && Number(entries) > 0, seen: `${entries} entries, ${wrong} with a hash that does not fit` };
  });
}

// jsonb on both sides, so that only content counts and not how it was written.
const DIGEST = 'count(*), coalesce(sum(hashtextextended(concat_ws(\'|\', %), 0)), 0)';
const EPOCHS = "SELECT epoch, max(event_sequence) FROM audit_log WHERE topic = 'ledger.events' AND shard = SHARD GROUP BY epoch ORDER BY epoch";
const AUDITED = `SELECT ${DIGEST.replace('%', `event_sequence, event::jsonb->>'id', event::jsonb->>'type', event::jsonb->>'actor', event::jsonb->'data'`)}
  FROM audit_log WHERE topic = 'ledger.events' AND shard = SHARD AND epoch = EPOCH AND event_sequence <= LAST`;
// Of an epoch that a restore has ended, the ledger has what it kept; the audit log remembers what was undone, too.
const STANDS = 'SELECT CASE WHEN EPOCH < (SELECT epoch FROM event_stream) THEN least(LAST, coalesce(max(sequence), 0)) ELSE LAST END FROM outbox WHERE epoch = EPOCH';
const TOLD = `SELECT ${DIGEST.replace('%', 'sequence, event_id, type, actor, data')} FROM outbox WHERE epoch = EPOCH AND sequence <= LAST`;

/**
 * Row by row, two clusters that were backed up apart tell the same: what the audit log (in core) wrote down of each shard's events is what the shard itself has. No event
 * that was read may be missing from its ledger.
 */
export function auditAgreesWithLedger({ core, ledgers }: Restored): Promise<Check> {
  return checked('audit_agrees_with_ledger', async () => {
    let events = 0;
    for (const [shard, ledger] of ledgers.entries()) {
      for (const [epoch = '', read = ''] of linesOf(await core.sql('audit', EPOCHS.replace('SHARD', String(shard))))) {
        const about = (statement: string, last: string): string => statement.replace('SHARD', String(shard)).replaceAll('EPOCH', epoch).replaceAll('LAST', last);
        const last = await ledger.sql('ledger', about(STANDS, read));
        const [audited, told] = await Promise.all([core.sql('audit', about(AUDITED, last)), ledger.sql('ledger', about(TOLD, last))]);
        if (told !== audited) return { right: false, seen: `shard ${shard}, epoch ${epoch}, up to event ${last}: audit has ${audited}, the ledger ${told}` };
        events += Number(audited.split('|')[0]);
      }
    }
    return { right: true, seen: `${events} events are the same in the audit log and in their ledgers` };
  });
}

const SCHEMA_SINCE = 'SELECT ceil(extract(epoch FROM max(applied_at)) * 1000) FROM schema_migrations';
const FIRST_ENTRY = 'SELECT min(recorded_at_ms) FROM audit_log';

/**
 * Since when there is something to check, as the programs of today read it: every database has its newest schema, and the audit log its first entry. Milliseconds since 1970. Before that, a new
 * installation's backups hold empty clusters, and those from before an upgrade an older schema.
 */
export async function checkableSince({ core, ledgers }: Restored): Promise<number> {
  const moments = await Promise.all([core.sql('audit', SCHEMA_SINCE), core.sql('audit', FIRST_ENTRY), ...ledgers.map((ledger) => ledger.sql('ledger', SCHEMA_SINCE))]);
  return moments.includes('') ? Infinity : Math.max(...moments.map(Number));
}

/** Fingerprints of everything that was settled before a moment: it never changes any more. One of each shard's events, one of the audit log. */
export interface Watermark {
  readonly until: string;
  /** Of every stream of events, in one line: a restore to an earlier point begins a new one. */
  readonly epochs: string;
  readonly fingerprints: Readonly<Record<string, string>>;
}

const EVENTS_UNTIL = `SELECT ${DIGEST.replace('%', 'event_id, type, actor, data, occurred_at')} FROM outbox WHERE occurred_at <= 'UNTIL'`;
const CHAIN_UNTIL = `SELECT sequence, encode(hash, 'hex') FROM audit_log WHERE recorded_at_ms <= extract(epoch FROM 'UNTIL'::timestamptz) * 1000 ORDER BY sequence DESC LIMIT 1`;

export async function watermarkOf({ core, ledgers }: Restored, until: string): Promise<Watermark> {
  const ofLedgers = await Promise.all(ledgers.map(async (ledger, shard) => [`events of shard ${shard}`, await ledger.sql('ledger', EVENTS_UNTIL.replace('UNTIL', until))] as const));
  return { until, epochs: await epochsOf({ core, ledgers }), fingerprints: Object.fromEntries([['the audit log', await core.sql('audit', CHAIN_UNTIL.replace('UNTIL', until))], ...ofLedgers]) };
}

async function epochsOf({ core, ledgers }: Restored): Promise<string> {
  const statement = 'SELECT epoch FROM event_stream';
  return (await Promise.all([core.sql('users', statement), ...ledgers.map((ledger) => ledger.sql('ledger', statement))])).join(' ');
}

/** As below, unless somebody has restored an earlier point meanwhile: then some of what was written down was undone on purpose, and nothing can be held against it. */
export async function unchangedSinceTheLastProof(restored: Restored, before: Watermark): Promise<Check> {
  const check = 'unchanged_since_the_last_proof';
  const epochs = await epochsOf(restored).catch(() => before.epochs);
  if (epochs === before.epochs) return unchangedSince(check, restored, before);
  return { check, verdict: 'passed', seen: `a restore has begun new epochs since (${before.epochs}, now ${epochs}): what comes next is held against what is there now` };
}

/** Holds what was restored against what was written down before: by an earlier proof, or of another backup. */
export function unchangedSince(check: string, restored: Restored, before: Watermark): Promise<Check> {
  return checked(check, async () => {
    const now = await watermarkOf(restored, before.until);
    // A shard that was not there then has nothing of then.
    const differing = Object.entries(before.fingerprints).filter(([what, fingerprint]) => now.fingerprints[what] !== fingerprint);
    const [first] = differing;
    return first ? { right: false, seen: `${first[0]} until ${before.until} was ${first[1]}, and is ${now.fingerprints[first[0]]} in this backup` }
      : { right: true, seen: `everything until ${before.until} is as it was written down` };
  });
}

function linesOf(rows: string): string[][] {
  return rows.split('\n').filter((line) => line !== '').map((line) => line.split('|'));
}
