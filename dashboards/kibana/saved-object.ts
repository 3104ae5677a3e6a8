/**
 * Objects of Kibana as its export writes them, a line each (Elastic's documentation, "Import saved objects API"). The versions are those of the shape that is
 * written here: a newer Kibana brings an object forward from there.
 */
export interface Reference {
  readonly name: string;
  readonly type: string;
  readonly id: string;
}

export interface SavedObject {
  readonly type: 'index-pattern' | 'search' | 'lens' | 'dashboard';
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly Reference[];
  readonly coreMigrationVersion: string;
  readonly typeMigrationVersion: string;
}

const CORE = '8.8.0';
const VERSIONS = { 'index-pattern': '8.0.0', search: '10.5.0', lens: '8.9.0', dashboard: '10.2.0' } as const;

export function savedObject(type: SavedObject['type'], id: string, attributes: SavedObject['attributes'], references: readonly Reference[] = []): SavedObject {
  return { type, id, attributes, references, coreMigrationVersion: CORE, typeMigrationVersion: VERSIONS[type] };
}

/** The file that Kibana imports. */
export function ndjson(objects: readonly SavedObject[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}
