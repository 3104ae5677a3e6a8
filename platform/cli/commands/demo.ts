import { Command, InvalidArgumentError } from 'commander';
import { randomBytes, randomInt } from 'node:crypto';
import { ApiClient, type ApiAnswer } from '../api/client.ts';
import { signInStaff } from '../api/staff.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { Progress } from '../progress.ts';

const OPENING_MINOR = 1_000_000n;
const TRANSFER_MINOR_MAX = 5_000;
/** Bounds of a demonstration: it shows the platform, it does not load it. */
const SECONDS_MAX = 3600;
const CUSTOMERS_MAX = 50;
/** Access tokens live five minutes; customers sign in again well before. */
const TOKEN_SECONDS = 200;

interface Customer {
  email: string;
  password: string;
  accounts: readonly [string, string, string];
  client: ApiClient;
  signedInAt: number;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('make customers who move money for a while, so that pages and dashboards have something to show')
    .option('--seconds <number>', 'for how long', wholeNumber(1, SECONDS_MAX), 60)
    .option('--customers <number>', 'how many people', wholeNumber(1, CUSTOMERS_MAX), 5)
    .option('--rate <number>', 'transfers a second, all together', wholeNumber(1, 50), 5)
    .option('--json', 'the result for programs')
    .action(async (options: { seconds: number; customers: number; rate: number; json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      await demonstrate(instance, options);
    });
}

async function demonstrate(instance: Instance, options: { seconds: number; customers: number; rate: number; json?: true }): Promise<void> {
  const progress = new Progress(2);
  const visitor = ApiClient.anonymous(instance);
  try {
    const customers = await progress.step(`${options.customers} customers`, (say) => makeCustomers(instance, visitor, options.customers, say));
    const result = await progress.step(`${options.seconds} s of transfers`, (say) => moveMoney(visitor, customers, options, say));
    if (options.json) console.log(JSON.stringify(result));
    else console.log(`${result.posted} transfers posted, ${result.refused} refused, ${result.failed} failed.`);
    process.exitCode = result.failed > 0 ? 1 : 0;
  } finally {
    visitor.edge.close();
  }
}

async function makeCustomers(instance: Instance, visitor: ApiClient, count: number, say: (detail: string) => void): Promise<Customer[]> {
  const operator = await signInStaff(instance, visitor, 'operator');
  const customers: Customer[] = [];
  for (let index = 1; index <= count; index++) {
    const email = `demo-${randomBytes(4).toString('hex')}@holdfast.internal`;
    const password = randomBytes(24).toString('base64url');
    await registerPatiently(visitor, { email, password, given_name: 'Demo', family_name: `Customer ${index}` }, say);
    const client = await visitor.signedIn(email, password);
    const accounts = [await client.openAccount('EUR'), await client.openAccount('EUR'), await client.openAccount('EUR')] as const;
    await operator.deposit(accounts[0], OPENING_MINOR);
    customers.push({ email, password, accounts, client, signedInAt: Date.now() });
    say(`${index} of ${count}`);
  }
  return customers;
}

/** Registration is limited per address; a demonstration waits its turn like anybody else. */
async function registerPatiently(visitor: ApiClient, person: Parameters<ApiClient['register']>[0], say: (detail: string) => void): Promise<void> {
  for (;;) {
    const answer = await visitor.register(person);
    if (answer.status === 201) return;
    if (answer.status !== 429) throw new UserError(`registering a customer answered ${answer.status}: ${JSON.stringify(answer.body)}`, ['Look:  ./holdfast logs users']);
    const seconds = Number(answer.headers['retry-after'] ?? 1);
    say(`waiting ${seconds} s, registration is limited`);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function moveMoney(visitor: ApiClient, customers: readonly Customer[], { seconds, rate }: { seconds: number; rate: number }, say: (detail: string) => void): Promise<{ posted: number; refused: number; failed: number }> {
  const result = { posted: 0, refused: 0, failed: 0 };
  const until = Date.now() + seconds * 1000;
  const inFlight = new Set<Promise<void>>();
  for (let tick = 0; Date.now() < until; tick++) {
    const customer = customers[tick % customers.length];
    if (!customer) break;
    if (Date.now() - customer.signedInAt > TOKEN_SECONDS * 1000) {
      customer.client = await visitor.signedIn(customer.email, customer.password);
      customer.signedInAt = Date.now();
    }
    const one = transferOnce(customer, result).finally(() => inFlight.delete(one));
    inFlight.add(one);
    if (tick % (rate * 10) === 0) say(`${result.posted} posted`);
    await new Promise((resolve) => setTimeout(resolve, 1000 / rate));
  }
  await Promise.all(inFlight);
  return result;
}

/** What a customer does next. Most of all he transfers; what he holds he captures, mostly in part, or lets go of. */
const habits: readonly { weight: number; act: (client: ApiClient, from: string, to: string, amountMinor: bigint, savings: string) => Promise<ApiAnswer> }[] = [
  { weight: 70, act: (client, from, to, amountMinor) => client.transfer({ from, to, amountMinor, currency: 'EUR' }) },
  {
    weight: 10,
    act: async (client, from, to, amountMinor) => {
      const held = await client.hold({ from, to, amountMinor, currency: 'EUR' });
      if (held.status !== 201) return held;
      return randomInt(4) === 0 ? client.post(`/v1/holds/${held.body.id}/void`) : client.post(`/v1/holds/${held.body.id}/capture`, { amount: String((amountMinor + 1n) / 2n) });
    },
  },
  {
    weight: 10,
    act: async (client, from, to, amountMinor) => {
      const posted = await client.transfer({ from, to, amountMinor, currency: 'EUR' });
      return posted.status === 201 ? client.post(`/v1/transfers/${posted.body.id}/reverse`, { reference: 'refund' }) : posted;
    },
  },
  {
    weight: 10,
    act: (client, from, to, amountMinor, savings) => client.post('/v1/transfers', {
      legs: [
        { account: from, side: 'debit', amount: String(amountMinor + 1n) }, { account: to, side: 'credit', amount: String(amountMinor) },
        { account: savings, side: 'credit', amount: '1' },
      ],
      reference: 'rounded up', metadata: { demo: 'yes' },
    }),
  },
];

/** As often as their weights say. */
const dice = habits.flatMap(({ weight, act }) => Array.from({ length: weight }, () => act));

async function transferOnce(customer: Customer, result: { posted: number; refused: number; failed: number }): Promise<void> {
  const [first, second, savings] = customer.accounts;
  const act = dice[randomInt(dice.length)];
  const [from, to] = randomInt(2) === 0 ? [first, second] : [second, first];
  try {
    const answer = await act?.(customer.client, from, to, BigInt(randomInt(1, TRANSFER_MINOR_MAX)), savings);
    if (!answer) return;
    if (answer.status < 300) result.posted++;
    else if (answer.status < 500) result.refused++;
    else result.failed++;
  } catch {
    result.failed++;
  }
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) throw new InvalidArgumentError(`a whole number from ${least} to ${most}.`);
    return value;
  };
}
