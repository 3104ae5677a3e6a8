import { randomUUID } from 'node:crypto';
import type { LoadPlan, Payer } from './plan.ts';
import { randomFrom, zipf } from './zipf.ts';

const ZIPF_EXPONENT = 0.99;
const AMOUNT_MAX = 100;

/**
 * Makes requests, each as the bytes that go over the wire: a payer, his account, a payee, an amount, a fresh key. Only the token is made
 * beforehand; a load that repeated its bodies would be answered from the ledger's memory of keys.
 */
export function requestsOf(plan: LoadPlan): () => string {
  const random = randomFrom(plan.seed);
  const pick = (count: number): number => Math.floor(random() * count);
  const debits = plan.payers.flatMap((payer) => payer.accounts.map((account) => ({ payer, account })));
  const heads = new Map(plan.payers.map((payer) => [payer, headOf(plan, payer)]));
  // Two shuffles of their own, so that the account which pays most is not also the one which is paid most.
  const debitRank = plan.choice === 'zipf' ? zipf(debits.length, ZIPF_EXPONENT, random) : () => pick(debits.length);
  const creditRank = plan.choice === 'zipf' ? zipf(plan.payees.length, ZIPF_EXPONENT, random) : plan.choice === 'hot' ? () => 0 : () => pick(plan.payees.length);
  const payees = plan.choice === 'zipf' ? plan.payees.toReversed() : plan.payees;
  const creditOf = (debit: string): string => {
    const credit = payees[creditRank()] as string;
    return credit === debit ? creditOtherThan(debit) : credit;
  };
  const creditOtherThan = (debit: string): string => {
    const at = payees.indexOf(debit);
    return payees[(at + 1) % payees.length] as string;
  };
  const transfer = (debit: string): string =>
    `{"debit_account":"${debit}","credit_account":"${creditOf(debit)}","amount":"${1 + pick(AMOUNT_MAX)}","currency":"EUR"`;
  return () => {
    const { payer, account } = debits[debitRank()] as { payer: Payer; account: string };
    const head = heads.get(payer) as string;
    if (plan.batch === 1) {
      const body = `${transfer(account)}}`;
      return `${head}idempotency-key: ${randomUUID()}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    }
    // A batch is one person's: all of it is debited from his accounts.
    const items: string[] = [];
    for (let n = 0; n < plan.batch; n++) items.push(`${transfer(payer.accounts[pick(payer.accounts.length)] as string)},"idempotency_key":"${randomUUID()}"}`);
    const body = `{"items":[${items.join(',')}]}`;
    return `${head}content-length: ${body.length}\r\n\r\n${body}`;
  };
}

function headOf(plan: LoadPlan, payer: Payer): string {
  const path = plan.batch === 1 ? '/v1/transfers' : '/v1/transfers/batch';
  return `POST ${path} HTTP/1.1\r\nhost: ${plan.target.hostHeader}\r\nauthorization: Bearer ${payer.token}\r\ncontent-type: application/json\r\n`;
}
