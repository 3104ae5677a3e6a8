import { randomBytes } from 'node:crypto';
import { REALM_DAMAGED } from '../kit/budgets.ts';
import type { Drill } from './drill.ts';
import { Keycloak } from './keycloak.ts';

/** Through the one people sign in; by the other they are registered. */
const DELETED = ['holdfast-web', 'users'];

export const realmDamaged: Drill = {
  page: 'realm-damaged',
  budgetMs: REALM_DAMAGED,
  disaster: async ({ platform, say }) => {
    const keycloak = new Keycloak(platform);
    for (const client of DELETED) {
      const { body: [found] } = await keycloak.asAdministrator<{ id: string }[]>('GET', `/clients?clientId=${client}`);
      const { status } = await keycloak.asAdministrator('DELETE', `/clients/${found?.id}`);
      if (status !== 204) throw new Error(`Keycloak answered ${status} to the deletion of ${client}`);
    }
    await keycloak.asAdministrator('PUT', '', { realm: 'holdfast', bruteForceProtected: false, accessTokenLifespan: 36_000 });
    const { status } = await platform.visitor.register({ email: 'test-nobody@holdfast.internal', password: randomBytes(18).toString('base64url'), given_name: 'Test', family_name: 'Nobody' });
    if (status < 400) throw new Error('a person could still register');
    say(`realm-damaged: who registers is answered ${status}`);
    return {};
  },
  alsoEqual: async ({ platform }) => {
    const { body } = await new Keycloak(platform).asAdministrator<{ bruteForceProtected: boolean; accessTokenLifespan: number }>('GET', '');
    const customer = await platform.fundedCustomer(100n);
    const moved = await customer.client.transfer({ from: customer.from, to: customer.to, amountMinor: 100n, currency: 'EUR' });
    const rules: [boolean, string][] = [
      [body.bruteForceProtected, 'the realm does not guard against guessing'],
      [body.accessTokenLifespan === 300, `tokens last ${body.accessTokenLifespan} s`],
      [moved.status === 201, `a new customer's transfer answered ${moved.status}`],
    ];
    return rules.filter(([holds]) => !holds).map(([, what]) => what);
  },
};
