import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../../platform/cli/versions.ts';
import { SIGNED } from '../../kit/budgets.ts';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { Keycloak } from '../../drills/keycloak.ts';
import type { Fault } from '../fault.ts';
import { onLeader } from '../superuser.ts';

const SECOND_PLACE = join(PROJECT, '.holdfast', 'test-reports', 'alerts', 'second-place');
const EVIDENCE = join(PROJECT, 'audit-evidence.ndjson.gz');

/** Checkpoints are written by the uid of audit: it may always give its own files back to itself. */
const readOnly = (directory: string) => async (platform: Platform): Promise<void> => { await platform.inside('audit', 'sh', '-euc', `chmod a-w ${directory} ${directory}/*`); };
const writable = (directory: string) => async (platform: Platform): Promise<void> => { await platform.inside('audit', 'sh', '-euc', `chmod u+w ${directory} ${directory}/*`); };

export const auditFaults: readonly Fault[] = [
  { alert: 'AuditTrailBroken', what: 'the last entry that was signed is made to say another time', labels: { found_by: 'checkpoint' }, make: tamper, undo: putBack, undoBefore: 'Check', tidy: removeEvidence, touches: ['audit'], always: true },
  { alert: 'AuditCheckpointLate', what: 'where checkpoints are kept nothing can be written', labels: {}, make: readOnly('/var/lib/checkpoints'), undo: writable('/var/lib/checkpoints'), scaled: { for: '15s', number: ['300', '90'] }, touches: ['audit'] },
  {
    alert: 'AuditSecondPlaceMissing', what: 'in the second place nothing can be written', labels: {}, prepare: nameSecondPlace, make: readOnly('/var/lib/checkpoints-copy'), undo: writable('/var/lib/checkpoints-copy'),
    tidy: giveUpSecondPlace, scaled: { for: '15s', number: ['600', '45'] }, touches: ['audit'],
  },
  {
    alert: 'AuditCheckpointsInOnePlace', what: 'the second place of checkpoints is given up', labels: {}, prepare: nameSecondPlace, make: giveUpSecondPlace, tidy: giveUpSecondPlace,
    variables: { DIRECTORY: SECOND_PLACE }, scaled: { for: '15s' }, touches: ['audit'],
  },
  { alert: 'AuditSourceUnread', what: 'the client by which audit reads Keycloak’s events is deleted', labels: { source: 'keycloak' }, make: deleteClient, scaled: { for: '15s', number: ['900', '45'] }, touches: ['audit'] },
];

let tampered: string | undefined;

/**
 * It has to be the last that was signed, which the next checkpoint looks at; and another has to stand on it already, or the trail would go on from what it says now, and be
 * broken when it is put back.
 */
async function tamper(platform: Platform): Promise<void> {
  removeEvidenceFile();
  await platform.newCustomer();
  const signed = await within(SIGNED, 'an entry after the last that was signed', async () => {
    const size = Number((await platform.inside('audit', 'sh', '-euc', 'grep -x -A 1 "holdfast-audit/.*" /var/lib/checkpoints/checkpoints.txt | tail -n 1')).trim());
    const [row] = await platform.query<{ entry: string }>('core', 'audit', 'SELECT max(sequence)::text AS entry FROM audit_log');
    return size > 0 && Number(row?.entry) >= size ? String(size - 1) : undefined;
  });
  tampered = signed;
  await changeTime(platform, signed);
}

async function putBack(platform: Platform): Promise<void> {
  if (tampered !== undefined) await changeTime(platform, tampered);
  tampered = undefined;
}

/** By one millisecond, there and, the second time, back; with a hash that fits. */
async function changeTime(platform: Platform, sequence: string): Promise<void> {
  await onLeader(platform, 'core', 'audit', 'SET session_replication_role = replica', `UPDATE audit_log SET recorded_at_ms = recorded_at_ms # 1, hash = sha256(convert_to(
    'holdfast-audit-1' || E'\\n' || sequence || E'\\n' || encode(previous_hash, 'hex') || E'\\n' || (recorded_at_ms # 1) || E'\\n' || topic || E'\\n'
    || epoch || E'\\n' || shard || E'\\n' || event_sequence || E'\\n' || event, 'UTF8')) WHERE sequence = ${sequence}`);
}

function removeEvidence(): Promise<void> {
  removeEvidenceFile();
  return Promise.resolve();
}

function removeEvidenceFile(): void {
  rmSync(EVIDENCE, { force: true });
}

async function nameSecondPlace(platform: Platform): Promise<void> {
  mkdirSync(SECOND_PLACE, { recursive: true });
  await secondPlace(platform, SECOND_PLACE);
  await within(SIGNED, 'a checkpoint in the second place', async () => ((await platform.prometheus('audit_checkpoint_copy_timestamp_seconds > 0')).length > 0 ? true : undefined));
}

function giveUpSecondPlace(platform: Platform): Promise<void> {
  return secondPlace(platform, 'none');
}

async function secondPlace(platform: Platform, place: string): Promise<void> {
  const { exitCode, stderr } = await platform.command('audit', 'second-place', place);
  if (exitCode !== 0) throw new Error(stderr);
}

/** It lives in the realm of administrators, as it reads the events of both. */
async function deleteClient(platform: Platform): Promise<void> {
  const keycloak = new Keycloak(platform);
  const { body: [found] } = await keycloak.asAdministrator<{ id: string }[]>('GET', '/clients?clientId=audit', undefined, 'master');
  const { status } = await keycloak.asAdministrator('DELETE', `/clients/${found?.id}`, undefined, 'master');
  if (status !== 204) throw new Error(`Keycloak answered ${status} to the deletion of its client`);
}
