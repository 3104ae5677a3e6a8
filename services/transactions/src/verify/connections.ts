import type { VerifiedShard } from './elsewhere.ts';
import type { Reader } from './pages.store.ts';

/** A page takes a tenth of a second; what takes minutes is a table without its index. */
export const VERIFY_QUERY_TIMEOUT_MS = 600_000;

/** The shards in the order of their numbers, each with a connection pool of its own. */
export function openShards<Address, Database extends Reader>(addresses: readonly Address[], open: (address: Address) => Database): { shards: VerifiedShard[]; databases: Database[] } {
  const databases = addresses.map(open);
  const shards = databases.map((database, number): VerifiedShard => ({ number, query: (sql, values, name) => database.query(sql, values, name) }));
  return { shards, databases };
}
