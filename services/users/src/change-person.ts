import { refuse } from '@holdfast/kit/problem';
import type { KeycloakPeople } from './keycloak-people.ts';
import type { PeopleStore } from './people.store.ts';
import type { ChangePersonRequest, Person } from './person.ts';
import type { Refusal } from './refusals.ts';

/** Changes one's own name: at Keycloak first, as it can refuse; sent again after a crash it ends the same. */
export class ChangePerson {
  constructor(private readonly people: PeopleStore, private readonly keycloak: KeycloakPeople) {}

  async change(subject: string, request: ChangePersonRequest): Promise<Person | Refusal> {
    const person = await this.people.byId(subject);
    if (!person) return refuse('person_unknown');
    const name = { givenName: request.given_name ?? person.givenName, familyName: request.family_name ?? person.familyName };
    if (name.givenName === person.givenName && name.familyName === person.familyName) return person;
    await this.keycloak.rename(subject, name);
    return this.people.change(subject, name, subject);
  }
}
