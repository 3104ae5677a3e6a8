import { SCRAPED } from '../../kit/budgets.ts';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import type { Fault } from '../fault.ts';
import { cutOff, letGo } from '../cut-off.ts';
import { customerOn, Load, transferMany } from '../load.ts';
import { HeldSession, onLeader } from '../superuser.ts';

const payee = new HeldSession();
const refused = new Load();
const busy = new Load();

export const ledgerFaults: readonly Fault[] = [
  { alert: 'LedgerFindings', what: 'a balance is changed past the service, and the ledger verifies itself', labels: {}, make: changeAndVerify, undo: (platform) => changeBalance(platform, -1), undoBefore: 'Check', touches: ['verification'], needs: ['transactions'], always: true },
  { alert: 'LedgerNotVerified', what: 'holds of ledger1 cannot be read, and all verifications that passed are made 30 hours old', labels: {}, make: neverVerified, undo: letRead, scaled: { for: '15s' }, touches: ['verification'], needs: ['transactions'] },
  { alert: 'LedgerVerificationIncomplete', what: 'holds of ledger1 cannot be read', labels: {}, prepare: async (platform) => { await platform.command('ledger', 'verify'); }, make: refuseToRead, undo: letRead, scaled: { for: '15s' }, touches: ['verification'], needs: ['transactions'] },
  { alert: 'MoneyInTransit', what: 'a session holds the account of a payee on ledger1', labels: { shard: '0' }, make: holdPayee, undo: (platform) => payee.end(platform), scaled: { for: '15s', number: ['60', '20'] }, touches: ['transactions'] },
  { alert: 'EventsNotPublished', what: 'what transactions sends to Kafka is lost', labels: { shard: '0' }, make: async (platform) => { await silence(platform); await platform.fundedCustomer(1n); await customerOn(platform, 0); }, undo: speak, undoBefore: 'Check', scaled: { for: '15s', number: ['60', '20'] }, touches: ['kafka'], needs: ['transactions'] },
  { alert: 'OutboxGrows', what: 'what transactions sends to Kafka is lost, while people pay', labels: { shard: '0' }, make: payIntoSilence, undo: async (platform) => { busy.stop(); await speak(platform); }, scaled: { for: '15s', number: ['20000', '100'], range: ['10m', '1m'] }, touches: ['kafka'], needs: ['transactions'] },
  { alert: 'RefusalsSpike', what: 'somebody pays again and again what he does not have', labels: {}, make: payWithoutMoney, undo: () => { refused.stop(); return Promise.resolve(); }, scaled: { for: '15s', range: ['15m', '1m'] }, needs: ['transactions'] },
  { alert: 'TransfersReturned', what: 'many pay to an account of the other shard that is frozen', labels: {}, make: payToFrozen, scaled: { range: ['15m', '2m'] }, needs: ['transactions'] },
];

async function changeAndVerify(platform: Platform): Promise<void> {
  await changeBalance(platform, 1);
  await platform.command('ledger', 'verify');
}

/** Written by a superuser, as no service can: the balance of the first account, without an entry. */
async function changeBalance(platform: Platform, minor: number): Promise<void> {
  await onLeader(platform, 'ledger0', 'ledger', 'SET session_replication_role = replica', `UPDATE accounts SET balance_minor = balance_minor + (${minor}) WHERE id = (SELECT min(id::text)::uuid FROM accounts)`);
}

/** The ledger verifies itself when the last time, however it ended, is a day ago. */
async function neverVerified(platform: Platform): Promise<void> {
  await refuseToRead(platform);
  await onLeader(platform, 'ledger0', 'ledger', "UPDATE verifications SET finished_at = finished_at - interval '30 hours' WHERE verdict = 'passed'");
}

async function refuseToRead(platform: Platform): Promise<void> {
  await onLeader(platform, 'ledger1', 'ledger', 'REVOKE SELECT ON holds FROM transactions');
  await platform.command('ledger', 'verify');
}

async function letRead(platform: Platform): Promise<void> {
  await onLeader(platform, 'ledger1', 'ledger', 'GRANT SELECT ON holds TO transactions');
}

/** What has left ledger0 cannot arrive while somebody else has the row. */
async function holdPayee(platform: Platform): Promise<void> {
  const [payer, receiver] = [await customerOn(platform, 0), await customerOn(platform, 1)];
  await payee.open(platform, 'ledger1', 'ledger', 'BEGIN', `SELECT FROM accounts WHERE id = '${receiver.to}' FOR UPDATE`);
  // Its answer comes late or not at all: the money has left by then.
  await payer.client.transfer({ from: payer.from, to: receiver.to, amountMinor: 1n, currency: 'EUR' }).catch(() => undefined);
}

function silence(platform: Platform): Promise<void> {
  return cutOff(platform, 'transactions', 'kafka');
}

function speak(platform: Platform): Promise<void> {
  return letGo(platform, 'transactions');
}

async function payIntoSilence(platform: Platform): Promise<void> {
  const payer = await customerOn(platform, 0);
  await silence(platform);
  busy.start(5_000, () => transferMany(payer, payer.from, payer.to, 50));
}

async function payWithoutMoney(platform: Platform): Promise<void> {
  const person = await platform.fundedCustomer(1n);
  refused.start(2_000, () => transferMany(person, person.from, person.to, 40, 1_000n));
}

async function payToFrozen(platform: Platform): Promise<void> {
  const [payer, receiver] = [await customerOn(platform, 0), await customerOn(platform, 1)];
  await (await platform.operator()).post(`/v1/accounts/${receiver.to}/freeze`);
  // A counter that is not there yet does not grow: the first one makes it.
  await transferMany(payer, payer.from, receiver.to, 1);
  await within(SCRAPED, 'the first one to be counted', async () => ((await platform.prometheus('transit_outcomes_total{outcome="returned"} > 0')).length > 0 ? true : undefined));
  await transferMany(payer, payer.from, receiver.to, 60);
}
