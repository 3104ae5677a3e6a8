import { isRefusal, refuse } from '@holdfast/kit/problem';
import type { CallerOf } from '@holdfast/kit/authentication';
import type { KeycloakPeople } from '../keycloak-people.ts';
import type { PeopleStore, StoredPerson } from '../people.store.ts';
import type { Person, RegisterPersonRequest } from '../person.ts';
import type { Refusal } from '../refusals.ts';

/**
 * Registers a person in two places that share no transaction, Keycloak and our database, so that a crash or an outage at any step leaves
 * a state from which the same request, sent again, goes on:
 *
 * 1. `registrations` notes that it begins (committed).
 * 2. Keycloak creates the person, who cannot sign in yet.            Crash after it: nobody has ever signed in with it, so the
 * 3. Keycloak gives the roles.                                       next try removes it and starts over.
 * 4. `people`, the event and the end of `registrations`, in one commit: from here on the person is registered.
 * 5. Keycloak lets the person sign in, and `activated_at` says so.   Crash before it: the next try, or the module's timer, does it.
 *
 * What a crash left at Keycloak is told from an account that an administrator made (and perhaps disabled) by its age: ours is younger
 * than our note of its beginning. Step 5 never touches the password, so that nobody can take a registered address over.
 */
export class RegisterPerson {
  constructor(private readonly people: PeopleStore, private readonly keycloak: KeycloakPeople) {}

  async register(request: RegisterPersonRequest, caller: CallerOf | undefined): Promise<Person | Refusal> {
    if (request.roles && !caller?.roles.includes('admin')) return refuse('roles_not_yours_to_give');
    const outcome = await this.people.whileAlone(request.email, () => this.registerAlone(request, caller));
    return outcome ?? refuse('registration_in_progress');
  }

  /** Step 5 for all whose registration stopped before it. */
  async activateWaiting(): Promise<number> {
    const waiting = await this.people.waitingForActivation();
    for (const id of waiting) await this.activate(id);
    return waiting.length;
  }

  private async registerAlone(request: RegisterPersonRequest, caller: CallerOf | undefined): Promise<Person | Refusal> {
    const registered = await this.people.byEmail(request.email);
    if (registered) {
      if (!registered.activated) await this.activate(registered.id);
      return refuse('email_taken');
    }
    const id = await this.createAtKeycloak(request, await this.people.begin(request.email));
    if (isRefusal(id)) {
      await this.people.abandon(request.email);
      return id;
    }
    const roles = [...new Set(request.roles ?? (['customer'] as const))];
    await this.keycloak.giveRoles(id, roles);
    const person: StoredPerson = await this.people.insert({
      id,
      email: request.email,
      givenName: request.given_name,
      familyName: request.family_name,
      roles,
      actor: caller?.subject ?? id,
    });
    await this.activate(id);
    return person;
  }

  private async createAtKeycloak(request: RegisterPersonRequest, begunAt: Date): Promise<string | Refusal> {
    const person = { email: request.email, password: request.password, givenName: request.given_name, familyName: request.family_name };
    const created = await this.keycloak.create(person);
    if (!isRefusal(created) || created.refused !== 'email_taken') return created;
    const found = await this.keycloak.byEmail(request.email);
    if (!found || !isLeftOver(found, begunAt)) return refuse('email_taken');
    await this.keycloak.remove(found.id);
    return this.keycloak.create(person);
  }

  private async activate(id: string): Promise<void> {
    await this.keycloak.enable(id);
    await this.people.markActivated(id);
  }
}

/** Keycloak's clock and Postgres' may differ a little. */
const CLOCK_SKEW_MS = 2_000;

/** True for what an earlier, unfinished attempt of ours created at Keycloak. */
export function isLeftOver(found: { enabled: boolean; createdAt_ms: number }, begunAt: Date): boolean {
  return !found.enabled && found.createdAt_ms >= begunAt.getTime() - CLOCK_SKEW_MS;
}
