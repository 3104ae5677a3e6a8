import type { Catalogue } from '../../../platform/cli/catalogue.ts';
import type { Screen } from '../frame.ts';
import { states, type Sized } from '../panels.ts';
import { presence } from '../presence.ts';
import { familyUid, shownBy } from '../uids.ts';

/** Components that are looked at together: a store, its exporter, what leads to it. */
export interface Family {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly variables?: NonNullable<Screen['variables']>;
  /** What matters of it, chosen by hand; who of it is there comes from the catalogue. */
  readonly panels: readonly Sized[];
}

export function ofFamily(catalogue: Catalogue, { name, title, description, variables, panels }: Family): Screen {
  const members = Object.keys(catalogue.components).filter((component) => shownBy[component] === familyUid(name));
  return {
    folder: 'components',
    uid: familyUid(name),
    title,
    description,
    ...(variables && { variables }),
    panels: [states('There', Object.fromEntries(members.map((member) => [member, presence(catalogue, member)])), ['there', 'away']), ...panels],
  };
}
