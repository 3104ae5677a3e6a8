import { z } from 'zod';

export const roles = ['customer', 'operator', 'auditor', 'admin'] as const;

const name = (what: string) =>
  z.string().trim().normalize('NFC').min(1).max(100).regex(/^[^\p{Cc}<>]+$/u, { error: 'must not contain control characters or angle brackets' }).meta({ description: what });

/** Lower case throughout: nobody tells people apart by the case of a mailbox, and a look-alike must not register twice. */
export const Email = z
  .string()
  .trim()
  .max(254)
  .normalize('NFKC')
  .toLowerCase()
  .pipe(z.email({ error: 'must be an e-mail address' }))
  .meta({ description: 'E-mail address, also the name to sign in with', example: 'ada@example.org' });

export const RegisterPersonRequest = z
  .strictObject({
    email: Email,
    /** Passed on to Keycloak and to nobody else; its policy decides what is strong enough. */
    password: z.string().min(12, { error: 'must be at least 12 characters long' }).max(128).meta({ description: 'At least 12 characters', format: 'password' }),
    given_name: name('Given name'),
    family_name: name('Family name'),
    roles: z.array(z.enum(roles)).min(1).max(roles.length).optional().meta({ description: 'For administrators; everybody else becomes a customer' }),
  })
  .meta({ id: 'RegisterPerson' });
export type RegisterPersonRequest = z.output<typeof RegisterPersonRequest>;

export const ChangePersonRequest = z
  .strictObject({ given_name: name('Given name').optional(), family_name: name('Family name').optional() })
  .refine((change) => Object.keys(change).length > 0, { error: 'must change something' })
  .meta({ id: 'ChangePerson' });
export type ChangePersonRequest = z.output<typeof ChangePersonRequest>;

export const PersonParams = z.object({ id: z.uuid() });
export type PersonParams = z.output<typeof PersonParams>;

export const PersonResponse = z
  .object({
    id: z.uuid().meta({ description: 'Subject id: the same in tokens, accounts and the audit trail' }),
    email: z.string(),
    given_name: z.string(),
    family_name: z.string(),
    registered_at: z.iso.datetime(),
  })
  .meta({ id: 'Person', description: 'A registered person' });
export type PersonResponse = z.output<typeof PersonResponse>;

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly registeredAt: Date;
}

export function responseOf(person: Person): PersonResponse {
  return {
    id: person.id,
    email: person.email,
    given_name: person.givenName,
    family_name: person.familyName,
    registered_at: person.registeredAt.toISOString(),
  };
}
