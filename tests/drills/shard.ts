/** The `place`-th of `parts` parts, counted from 1. */
export interface Shard {
  readonly place: number;
  readonly parts: number;
}

/** Throws what is wrong with it. */
export function parseShard(text: string): Shard {
  const [, place, parts] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { place: Number(place), parts: Number(parts) };
  if (!(shard.place >= 1 && shard.place <= shard.parts)) throw new Error(`--shard ${text}: a part such as 1/3 is needed`);
  return shard;
}

/** Each thing is in one part, and parts are of about one size. */
export function shardOf<T>(things: readonly T[], { place, parts }: Shard): T[] {
  return things.filter((_, index) => index % parts === place - 1);
}
