import { people, type Role } from '../../keycloak/realm.ts';
import type { Instance } from '../instance.ts';
import { readSecret } from '../state/secrets.ts';
import type { ApiClient } from './client.ts';

/** Signs in the person of the first day who has this role, with the password that was made for this installation. */
export async function signInStaff(instance: Instance, visitor: ApiClient, role: Role): Promise<ApiClient> {
  const person = people.find((one) => one.role === role);
  if (!person) throw new Error(`nobody of the first day is ${role}`);
  return visitor.signedIn(person.email, await readSecret(instance.directory, person.passwordSecret));
}
