import { readSecret } from '../../platform/cli/state/secrets.ts';
import { SECRET_LEAKED } from '../kit/budgets.ts';
import type { Drill, Scene } from './drill.ts';
import { Keycloak } from './keycloak.ts';

/** Whoever has it can make, change and delete people. */
const SECRET = 'keycloak-client-users';

let leaked = '';

export const secretLeaked: Drill = {
  page: 'secret-leaked',
  budgetMs: SECRET_LEAKED,
  variables: { SECRET },
  disaster: async (scene) => {
    leaked = await readSecret(scene.platform.instance.directory, SECRET);
    if (!(await opens(scene, leaked))) throw new Error('the secret opened nothing before it leaked');
    return {};
  },
  alsoEqual: async (scene) => {
    const next = await readSecret(scene.platform.instance.directory, SECRET);
    const rules: [boolean, string][] = [
      [!(await opens(scene, leaked)), 'the secret that leaked still opens the realm'],
      [await opens(scene, next), 'the new one does not'],
      [await scene.platform.newCustomer().then(() => true, () => false), 'nobody can be registered with the new one'],
    ];
    return rules.filter(([holds]) => !holds).map(([, what]) => what);
  },
};

async function opens({ platform }: Scene, secret: string): Promise<boolean> {
  return (await new Keycloak(platform).token('holdfast', { grant_type: 'client_credentials', client_id: 'users', client_secret: secret })) !== undefined;
}
