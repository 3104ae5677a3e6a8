import { isDeepStrictEqual } from 'node:util';
import type { EntryRow } from '../../log/log.store.ts';
import { documentOf, indexOf } from '../document.ts';

/** A document as Elasticsearch is asked for it. */
export interface Place {
  readonly index: string;
  readonly id: string;
}

export interface Chain {
  lastSequence(): Promise<bigint>;
  entries(after: bigint, limit: number): Promise<EntryRow[]>;
}

export interface Copy {
  /** Adds what is not there; says how many were added. Throws if one is refused for another reason than being there. */
  create(documents: readonly (Place & { readonly document: object })[]): Promise<number>;
  /** What is there, in the order asked for; undefined where nothing is. */
  read(places: readonly Place[]): Promise<(object | undefined)[]>;
}

export interface RebuiltSearch {
  readonly entries: number;
  readonly created: number;
  /** Entries whose document is not theirs: the role that writes here cannot replace one, on purpose. */
  readonly differing_count: number;
  readonly differing: readonly string[];
}

const BATCH = 500;
const SHOWN = 20;

/**
 * Copies every entry of the chain into Elasticsearch once more, and reads each back: what was lost is there again, and what is there is what the chain says.
 * The service goes on meanwhile with what comes; both only add, under the entry's number, so that they cannot get in each other's way.
 */
export async function rebuildSearch(options: { chain: Chain; copy: Copy; say: (what: string) => void }): Promise<RebuiltSearch> {
  const { chain, copy, say } = options;
  const to = await chain.lastSequence();
  const differing: string[] = [];
  let [entries, created, after] = [0, 0, 0n];
  while (after < to) {
    const rows = (await chain.entries(after, BATCH)).filter(({ sequence }) => sequence <= to);
    const last = rows.at(-1);
    if (!last) break;
    const documents = rows.map((row) => ({ index: indexOf(row), id: row.sequence.toString(), document: documentOf(row) }));
    created += await copy.create(documents);
    const found = await copy.read(documents.map(({ index, id }) => ({ index, id })));
    differing.push(...documents.filter(({ document }, place) => !isDeepStrictEqual(asStored(document), found[place])).map(({ id }) => id));
    entries += rows.length;
    after = last.sequence;
    say(`${entries} of ${to} entries`);
  }
  return { entries, created, differing_count: differing.length, differing: differing.slice(0, SHOWN) };
}

/** As JSON has it: fields without a value are gone. */
function asStored(document: object): unknown {
  return JSON.parse(JSON.stringify(document));
}
