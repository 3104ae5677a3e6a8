import { setTimeout as pause } from 'node:timers/promises';
import { ApiClient } from './api/client.ts';
import { signInStaff } from './api/staff.ts';
import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';

const AMOUNT_MINOR = 100n;
/** How long an event may take from the ledger through Kafka into the read model. */
const REPORT_BUDGET_MS = 30_000;

/**
 * Moves money through the whole platform: an operator signs in, opens two accounts of his own, pays into the first and
 * transfers to the second; the report built from Kafka must then show it. Leaves two accounts that sum to the deposit.
 */
export async function proveTransfer(instance: Instance): Promise<string> {
  const began = performance.now();
  const visitor = ApiClient.anonymous(instance);
  try {
    const operator = await signInStaff(instance, visitor, 'operator');
    const from = await operator.openAccount('EUR');
    const to = await operator.openAccount('EUR');
    await operator.deposit(from, AMOUNT_MINOR);
    const transfer = await operator.transfer({ from, to, amountMinor: AMOUNT_MINOR, currency: 'EUR' });
    if (transfer.status !== 201) throw new Error(`the transfer answered ${transfer.status}: ${JSON.stringify(transfer.body)}`);
    await untilReported(operator, to);
    return `An operator signed in, opened two accounts and moved 1.00 EUR; the report showed it (${((performance.now() - began) / 1000).toFixed(1)} s).`;
  } catch (error) {
    throw new UserError(`everything runs, but the proof failed: ${(error as Error).message}`, ['Look:   ./holdfast status', 'Then:   ./holdfast up']);
  } finally {
    visitor.edge.close();
  }
}

async function untilReported(person: ApiClient, account: string): Promise<void> {
  const deadline = Date.now() + REPORT_BUDGET_MS;
  for (;;) {
    const report = await person.call<{ balances?: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
    if (report.body.balances?.some((row) => row.account_id === account && row.balance === String(AMOUNT_MINOR))) return;
    if (Date.now() > deadline) throw new Error(`the report did not show the transfer within ${REPORT_BUDGET_MS / 1000} s (last answer ${report.status})`);
    await pause(250);
  }
}
