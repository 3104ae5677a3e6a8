/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] as number : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The smallest value that at least this share of all values does not exceed (nearest rank); 0 of no values. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

/** CPU-seconds in a window of time: of the whole machine, and what of it was ours. */
export interface CpuUse {
  readonly wall_s: number;
  readonly host_s: number;
  readonly own_s: number;
}

/** A pair with more foreign CPU than this in either half measures somebody else's work as well. */
export const FOREIGN_CORES_MAX = 0.25;

/** Cores that others used meanwhile. Counters are read one after the other, so that a hair below zero is zero. */
export function foreignCores({ wall_s, host_s, own_s }: CpuUse): number {
  return Math.max(0, (host_s - own_s) / wall_s);
}

/** One half of a pair: what was measured a second, and the CPU that it took. */
export interface Half {
  readonly perSecond: number;
  readonly cpu: CpuUse;
}

/** Why a pair does not count, or undefined if it does. */
export function voidBecause(halves: readonly Half[]): string | undefined {
  const most = Math.max(...halves.map(({ cpu }) => foreignCores(cpu)));
  if (most > FOREIGN_CORES_MAX) return `${most.toFixed(2)} cores of foreign CPU`;
  return halves.some(({ perSecond }) => perSecond <= 0) ? 'nothing was done in one half' : undefined;
}

/** How many of one half the CPU of one of the other would have paid for. Foreign load slows down both halves, but takes from neither: it says something also where a pair is void. */
export function ratioByCpu(own: Half, reference: Half): number {
  const each = ({ perSecond, cpu }: Half): number => cpu.own_s / cpu.wall_s / perSecond;
  return each(reference) / each(own);
}
