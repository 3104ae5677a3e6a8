import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { AUDIT_TAMPERED } from '../kit/budgets.ts';
import { trailIsBroken } from './audit-trail.ts';
import type { Drill, Scene } from './drill.ts';
import { holdfast } from './holdfast.ts';

/** Where the page puts it, and where it is kept for `alsoEqual`. */
const EVIDENCE = join(PROJECT, 'audit-evidence.ndjson.gz');
const KEPT = join(PROJECT, '.holdfast', 'test-reports', 'drills', 'audit-tampered');

let tampered: string | undefined;
let entry = 0;

/** Somebody with every right in the database changes one entry, and its hash with it, so that every constraint holds. The page ends where people have to look for him. */
export const auditTampered: Drill = {
  page: 'audit-tampered',
  budgetMs: AUDIT_TAMPERED,
  disaster: async (scene) => {
    const [row] = await scene.platform.query<{ entry: string }>('core', 'audit', 'SELECT (max(sequence) / 2)::text AS entry FROM audit_log');
    if (!row || row.entry === '0') throw new Error('the audit trail has no entry to tamper with');
    entry = Number(row.entry);
    await changeTime(scene, row.entry);
    tampered = row.entry;
    scene.say(`audit-tampered: entry ${row.entry} says another time`);
    return {};
  },
  // No command mends it: that only the drill can, which knows what stood there.
  tidy: async (scene) => {
    if (tampered !== undefined) await changeTime(scene, tampered);
    tampered = undefined;
    await mkdir(KEPT, { recursive: true });
    await copyFile(EVIDENCE, join(KEPT, 'evidence.ndjson.gz')).catch(() => undefined);
    await rm(EVIDENCE, { force: true });
  },
  // Put back, it is what was signed, by every checkpoint of meanwhile, too.
  alsoEqual: async (scene) => [...(await evidenceLacks(scene)), ...(await trailIsBroken(scene.platform))],
};

/** By one millisecond, there and, the second time, back: the hash is that of what stands there then. */
async function changeTime({ platform }: Scene, sequence: string): Promise<void> {
  const changed = await platform.inside(await platform.leaderOf('core'), 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'audit', '-c', `
    SET session_replication_role = replica;
    UPDATE audit_log SET recorded_at_ms = recorded_at_ms # 1, hash = sha256(convert_to(
        'holdfast-audit-1' || E'\\n' || sequence || E'\\n' || encode(previous_hash, 'hex') || E'\\n' || (recorded_at_ms # 1) || E'\\n' || topic || E'\\n'
        || epoch || E'\\n' || shard || E'\\n' || event_sequence || E'\\n' || event, 'UTF8'))
     WHERE sequence = ${sequence} RETURNING sequence`);
  if (changed.trim() !== sequence) throw new Error(`entry ${sequence} could not be changed: ${changed}`);
}

/** What was exported tells an auditor, who has nothing of ours but the key and the verifier, that the trail is broken, and where. */
async function evidenceLacks({ platform }: Scene): Promise<string[]> {
  const key = (await holdfast(platform, 'audit', 'key')).stdout.trim();
  const { exitCode, stdout, stderr } = await run('node', [join(PROJECT, 'platform/audit-verifier/verify-audit.mjs'), join(KEPT, 'evidence.ndjson.gz'), '--key', key, '--json']);
  if (exitCode !== 1) return [`the evidence should be found broken, and its verifier ended with ${exitCode}: ${stderr}${stdout.slice(-500)}`];
  const { findings } = JSON.parse(stdout) as { findings: { where: string }[] };
  const [, from = '', to = from] = /^entr(?:y|ies) (\d+)(?: to (\d+))?$/.exec(findings[0]?.where ?? '') ?? [];
  // The hash of an entry is in the next one, which it no longer fits.
  return Number(from) <= entry + 1 && entry <= Number(to) ? [] : [`entry ${entry} was changed, and the evidence says ${JSON.stringify(findings.slice(0, 3))}`];
}
