import { writeEvent } from '@holdfast/kit/outbox';
import { underLock, type Database } from '@holdfast/kit/postgres';
import type { Person } from './person.ts';

interface Row {
  id: string;
  email: string;
  given_name: string;
  family_name: string;
  registered_at: Date;
  activated_at: Date | null;
}

export interface StoredPerson extends Person {
  /** Whether Keycloak was told to let the person sign in. */
  readonly activated: boolean;
}

const COLUMNS = 'id, email, given_name, family_name, registered_at, activated_at';

/**
 * All SQL of this service. `locks` is the same database by connections of their own: a lock holds one while its work asks for another, and
 * from one pool those who hold would wait for each other. `committed` is called when an event waits in the outbox.
 */
export class PeopleStore {
  constructor(private readonly database: Database, private readonly locks: Database, private readonly committed: () => void) {}

  async byId(id: string): Promise<StoredPerson | undefined> {
    return personOf(await this.database.query<Row>(`select ${COLUMNS} from people where id = $1`, [id]));
  }

  /** The profile of somebody else: that it was read is an event, and without it nothing is shown. */
  async readOfAnother(id: string, reader: string): Promise<StoredPerson | undefined> {
    const person = await this.database.transaction(async (connection) => {
      const found = personOf(await connection.query<Row>(`select ${COLUMNS} from people where id = $1`, [id]));
      if (found) await writeEvent(connection, { type: 'user.read', data: { user_id: id }, actor: reader });
      return found;
    });
    if (person) this.committed();
    return person;
  }

  async byEmail(email: string): Promise<StoredPerson | undefined> {
    return personOf(await this.database.query<Row>(`select ${COLUMNS} from people where email = $1`, [email]));
  }

  /**
   * Runs `work` while no other replica or request registers the same address; undefined if one does. A lock of the session, so that it ends
   * with the connection if this process dies.
   */
  async whileAlone<T>(email: string, work: () => Promise<T>): Promise<T | undefined> {
    return this.locks.session((connection) => underLock(connection, `register ${email}`, work));
  }

  /** When the registration of this address began; now, unless an earlier attempt was left unfinished. */
  async begin(email: string): Promise<Date> {
    await this.database.query('insert into registrations (email) values ($1) on conflict do nothing', [email]);
    const [row] = await this.database.query<{ begun_at: Date }>('select begun_at from registrations where email = $1', [email]);
    if (!row) throw new Error('the registration was removed while it was under way');
    return row.begun_at;
  }

  async abandon(email: string): Promise<void> {
    await this.database.query('delete from registrations where email = $1', [email]);
  }

  /** The person, the event that tells of them, and the end of the registration: all or nothing. */
  async insert(person: { id: string; email: string; givenName: string; familyName: string; roles: readonly string[]; actor: string }): Promise<StoredPerson> {
    const inserted = await this.database.transaction(async (connection) => {
      const rows = await connection.query<Row>(
        `insert into people (id, email, given_name, family_name) values ($1, $2, $3, $4) returning ${COLUMNS}`,
        [person.id, person.email, person.givenName, person.familyName],
      );
      await writeEvent(connection, { type: 'user.registered', data: { user_id: person.id, roles: [...person.roles] }, actor: person.actor });
      await connection.query('delete from registrations where email = $1', [person.email]);
      return certain(personOf(rows));
    });
    this.committed();
    return inserted;
  }

  async markActivated(id: string): Promise<void> {
    await this.database.query('update people set activated_at = now() where id = $1 and activated_at is null', [id]);
  }

  /** People whose registration stopped between the commit and Keycloak's "may sign in". */
  async waitingForActivation(): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `select id from people where activated_at is null and registered_at < now() - interval '30 seconds' order by registered_at limit 50`,
    );
    return rows.map((row) => row.id);
  }

  async change(id: string, change: { givenName: string; familyName: string }, actor: string): Promise<StoredPerson> {
    const changed = await this.database.transaction(async (connection) => {
      const rows = await connection.query<Row>(
        `update people set given_name = $2, family_name = $3, updated_at = now() where id = $1 returning ${COLUMNS}`,
        [id, change.givenName, change.familyName],
      );
      await writeEvent(connection, { type: 'user.updated', data: { user_id: id }, actor });
      return certain(personOf(rows));
    });
    this.committed();
    return changed;
  }
}

function personOf(rows: readonly Row[]): StoredPerson | undefined {
  const row = rows[0];
  return row && {
    id: row.id,
    email: row.email,
    givenName: row.given_name,
    familyName: row.family_name,
    registeredAt: row.registered_at,
    activated: row.activated_at !== null,
  };
}

function certain<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a row that was just written did not come back');
  return value;
}
