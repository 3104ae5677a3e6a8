/** A source of numbers in [0, 1). */
export type Random = () => number;

/** Small, fast and repeatable: mulberry32. The same seed gives the same accounts and amounts, so that halves of a pair can be told apart by nothing else. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Ranks 0..count-1 by Zipf's law: rank r comes with a weight of 1 / (r + 1)^exponent. 0.99 is YCSB's, where the first of 500 takes 15 % of all.
 * The whole distribution is made once, as a table; a draw is a binary search.
 */
export function zipf(count: number, exponent: number, random: Random): () => number {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`${count} ranks`);
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) upTo[rank] = sum += 1 / (rank + 1) ** exponent;
  return () => {
    const point = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] as number) > point) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
