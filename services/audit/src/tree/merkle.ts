import { hash } from 'node:crypto';

/** Entries under one stored subtree: what a proof reads of the log itself is at most twice as many. */
export const BLOCK_ENTRIES = 256;
const BLOCK_LEVEL = 8;

// RFC 6962, section 2.1: a leaf and a node can never be taken for each other, as what is hashed begins differently.
const leaf = Buffer.alloc(33, 0);
const node = Buffer.alloc(65, 1);

/** The leaf of an entry: of its hash in the chain, which stands for all of it and for all before it. */
export function leafHash(entryHash: Buffer): Buffer {
  entryHash.copy(leaf, 1);
  return hash('sha256', leaf, 'buffer');
}

export function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(node, 1);
  right.copy(node, 33);
  return hash('sha256', node, 'buffer');
}

export interface FrontierState {
  readonly size: number;
  readonly hashes: readonly string[];
}

/**
 * The right edge of a growing Merkle tree (RFC 6962): the hashes of its largest whole subtrees, one for each binary digit of its size. With them the tree grows
 * by an entry, and tells its root, without what lies under them. `onBlock` hears of each subtree of 256 entries that became whole.
 */
export class Frontier {
  private readonly hashes: Buffer[];
  private leaves: number;
  private readonly onBlock: (block: number, subtree: Buffer) => void;

  constructor(state: FrontierState = { size: 0, hashes: [] }, onBlock: (block: number, subtree: Buffer) => void = () => undefined) {
    this.leaves = state.size;
    this.hashes = state.hashes.map((text) => Buffer.from(text, 'hex'));
    if (this.hashes.length !== onesIn(state.size) || this.hashes.some(({ length }) => length !== 32)) throw new Error('these are not the subtrees of a tree of that size');
    this.onBlock = onBlock;
  }

  get size(): number {
    return this.leaves;
  }

  append(entryHash: Buffer): void {
    this.appendSubtree(leafHash(entryHash), 0);
  }

  /** Appends a whole subtree of 2^level entries. It must begin where one of its size can begin. */
  appendSubtree(subtree: Buffer, level: number): void {
    const count = 2 ** level;
    if (this.leaves % count !== 0) throw new Error(`no subtree of ${count} entries begins at ${this.leaves}`);
    let grown = subtree;
    let height = level;
    for (let rest = this.leaves / count; rest % 2 === 1; rest = (rest - 1) / 2) {
      grown = nodeHash(this.hashes.pop() as Buffer, grown);
      height += 1;
      if (height === BLOCK_LEVEL) this.onBlock(Math.floor(this.leaves / BLOCK_ENTRIES), grown);
    }
    this.hashes.push(grown);
    this.leaves += count;
  }

  root(): Buffer {
    const last = this.hashes.at(-1);
    if (!last) return hash('sha256', '', 'buffer');
    return this.hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
  }

  state(): FrontierState {
    return { size: this.leaves, hashes: this.hashes.map((subtree) => subtree.toString('hex')) };
  }
}

/** The largest whole subtrees that entries `from` to `to` (exclusive) fall into, in order: `level` for 2^level entries. */
export function subtreesOf(from: number, to: number): { start: number; level: number }[] {
  const subtrees: { start: number; level: number }[] = [];
  for (let start = from; start < to;) {
    let level = 0;
    while (start % 2 ** (level + 1) === 0 && start + 2 ** (level + 1) <= to) level += 1;
    subtrees.push({ start, level });
    start += 2 ** level;
  }
  return subtrees;
}

/** The hash of one whole subtree, from the hashes of smaller whole ones of one size, in order. */
export function combine(hashes: readonly Buffer[]): Buffer {
  let level = [...hashes];
  while (level.length > 1) level = Array.from({ length: level.length / 2 }, (_, index) => nodeHash(level[2 * index] as Buffer, level[2 * index + 1] as Buffer));
  const [root] = level;
  if (!root) throw new Error('a subtree has at least one entry');
  return root;
}

function onesIn(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
