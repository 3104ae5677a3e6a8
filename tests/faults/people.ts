import type { ApiClient } from '../../platform/cli/api/client.ts';
import { HEALED } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { ACCOUNTS, CUSTOMERS } from './commands.ts';
import type { Answer, History } from './history.ts';

/** A token lives five minutes. */
const TOKEN_AGE_MAX_MS = 180_000;
const FIRST_DEPOSIT_MINOR = 20_000n;

/** A person who stays signed in: with a new token well before the old one ends, and with the old one while Keycloak is away. */
export class Session {
  private client: ApiClient;
  private readonly signIn: () => Promise<ApiClient>;
  private signedInMs = Date.now();
  private renewing = false;

  constructor(client: ApiClient, signIn: () => Promise<ApiClient>) {
    this.client = client;
    this.signIn = signIn;
  }

  async call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    if (Date.now() - this.signedInMs > TOKEN_AGE_MAX_MS) this.renew();
    const answer = await this.client.call(method, path, body, headers);
    if (answer.status === 401) this.renew();
    return answer;
  }

  /** Beside the requests, which need not wait for it. */
  private renew(): void {
    if (this.renewing) return;
    this.renewing = true;
    this.signIn().then((client) => {
      this.client = client;
      this.signedInMs = Date.now();
    }, () => undefined).finally(() => { this.renewing = false; });
  }
}

export interface Customer {
  readonly subject: string;
  readonly session: Session;
  /** Ids of the accounts, in the order of `ACCOUNTS`. */
  readonly accounts: readonly string[];
}

export interface People {
  readonly operator: Session;
  readonly customers: readonly Customer[];
}

/** Registers the customers of a run, at least two of them at home on each shard, opens their accounts and pays something in. */
export async function gather(platform: Platform, history: History, run: string, shardOfOwner: (owner: string) => Promise<number>): Promise<People> {
  const operator = new Session(await platform.operator(), () => platform.operator());
  const customers: Customer[] = [];
  const wanted = new Map([[0, CUSTOMERS / 2], [1, CUSTOMERS / 2]]);
  while (customers.length < CUSTOMERS) {
    const customer = await newCustomer(platform);
    const shard = await shardOfOwner(customer.subject);
    const missing = wanted.get(shard) ?? 0;
    wanted.set(shard, missing - 1);
    if (missing <= 0) continue;
    for (const id of customer.accounts) await firstDeposit(history, operator, run, id);
    customers.push(customer);
  }
  return { operator, customers };
}

async function newCustomer(platform: Platform): Promise<Customer> {
  const { email, password, client } = await platform.newCustomer();
  const accounts: string[] = [];
  for (const currency of ACCOUNTS) accounts.push(await client.openAccount(currency));
  const { id: subject } = await client.must<{ id: string }>('GET', '/v1/users/me');
  return { subject, accounts, session: new Session(client, () => platform.visitor.signedIn(email, password)) };
}

/** The money that an account begins with: asked for and recorded as any other. */
async function firstDeposit(history: History, operator: Session, run: string, account: string): Promise<void> {
  const key = `${run}/first/${account}`;
  const request = { key, person: 'operator', wish: { kind: 'deposit' as const, reference: key, legs: [{ account, amountMinor: FIRST_DEPOSIT_MINOR }] } };
  await within(HEALED, `the first deposit to ${account}`, async () => {
    const [told] = await history.invoke([request], () => operator.call('POST', `/v1/accounts/${account}/deposits`, { amount: String(FIRST_DEPOSIT_MINOR), reference: key }, { 'idempotency-key': key }));
    if (told?.verdict !== 'acknowledged') throw new Error(told?.answer);
    return true;
  });
}
